// The records of a tape, found in its bytes as capture/tape/record.py finds them (docs/tape-format.md).
//
// Buffers belong to the caller, who sees to their sizes.
#include <assert.h>
#include <string.h>

#include "kernel.h"

// Where the fields of a record lie, from its marker on.
enum { CHECKSUM_AT = 2, LENGTH_AT = 6, KIND_AT = 10, WALL_AT = 11, MONO_AT = 19, BODY_AT = 27 };
static const uint8_t MARKER[2] = {0xf5, 0xfa};

// How capture/kernel/walking.py lays out what is known of a record: its place, its end, its kind and its times.
enum { START, END, KIND, WALL_NS, MONO_NS, FIELDS };

enum { SLICES = 16 };  // bytes of a checksum that are looked up at once
static uint32_t table[SLICES][256];

__attribute__((constructor)) static void make_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (0xedb88320u & -(value & 1));
        table[0][byte] = value;
    }
    for (int slice = 1; slice < SLICES; slice++)
        for (int byte = 0; byte < 256; byte++)
            table[slice][byte] = table[slice - 1][byte] >> 8 ^ table[0][table[slice - 1][byte] & 255];
}

static uint32_t u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int64_t i64(const uint8_t *at) {
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

// Return the CRC-32 of some bytes, that of zlib.
static uint32_t crc32_of(const uint8_t *at, int64_t size) {
    uint32_t value = ~0u;
    for (; size >= SLICES; size -= SLICES, at += SLICES) {
        uint32_t word[4] = {u32(at) ^ value, u32(at + 4), u32(at + 8), u32(at + 12)};
        value = 0;
        for (int slice = 0; slice < SLICES; slice++)
            value ^= table[SLICES - 1 - slice][word[slice / 4] >> slice % 4 * 8 & 255];
    }
    while (size--) value = value >> 8 ^ table[0][(value ^ *at++) & 255];
    return ~value;
}

// Find the whole records from `start` on, at most `room` of them, passing over what is none; return how many.
// `records` has FIELDS numbers for each. `resume` becomes the offset from which to look again: for more records, or,
// where `room` was enough, once more bytes are there. `more` says whether bytes may follow the buffer; a record has at
// most `longest` in its body.
EXPORT int64_t tape_records(const uint8_t *buffer, int64_t size, int64_t start, int32_t more, int64_t longest,
                            int64_t room, int64_t *records, int64_t *resume) {
    assert(start >= 0 && start <= size);
    int64_t count = 0, at = start, behind = start;  // the last record
    while (count < room) {
        const uint8_t *found = size > at ? memchr(buffer + at, MARKER[0], (size_t)(size - at)) : NULL;
        if (!found || found - buffer == size - 1) {  // a marker may begin with the last byte
            int64_t last = size - 1;
            *resume = last > behind ? last : behind;
            return count;
        }
        at = found - buffer;
        if (found[1] != MARKER[1]) {
            at++;
            continue;
        }
        if (at + BODY_AT > size) break;
        int64_t length = u32(found + LENGTH_AT), end = at + BODY_AT + length;
        if (end <= size && crc32_of(found + LENGTH_AT, end - at - LENGTH_AT) == u32(found + CHECKSUM_AT)) {
            int64_t *record = records + FIELDS * count++;
            record[START] = at;
            record[END] = end;
            record[KIND] = found[KIND_AT];
            record[WALL_NS] = i64(found + WALL_AT);
            record[MONO_NS] = i64(found + MONO_AT);
            at = behind = end;
        } else if (end > size && length <= longest && more) {
            break;
        } else {
            at++;
        }
    }
    *resume = at;
    return count;
}

// Copy the bodies of `count` records, one behind the other, and note in `ends` where each ends there.
EXPORT void tape_bodies(const uint8_t *buffer, const int64_t *records, int64_t count, uint8_t *bodies, int64_t *ends) {
    int64_t at = 0;
    for (int64_t number = 0; number < count; number++) {
        const int64_t *record = records + FIELDS * number;
        int64_t body = record[START] + BODY_AT;
        memcpy(bodies + at, buffer + body, (size_t)(record[END] - body));
        at += record[END] - body;
        ends[number] = at;
    }
}
