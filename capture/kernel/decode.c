// What comes from the line, to arrays: frames, their message ids, and the fields of the messages that come in masses.
//
// Which fields a message has, and of what kind each is, is a program that Python makes of the message tables
// (capture/wire/text/decode_program.py): an array of `struct field`, which `read_columns` interprets. What does not fit
// is left to Python, which decodes it by itself: nothing here guesses. Buffers belong to the caller, who sees to their
// sizes; what is said of them beside a function is asserted.
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { LENGTH_BYTES = 4 };  // in front of each frame: how long it is, big-endian
enum { MOST_FIELDS = 64 };  // of a message: one bit each says which have no value
enum { MOST_DIGITS = 19 };  // so many always fit into 64 bits
enum { SHORT_DIGITS = 10 }; // request ids and seconds since 1970 have no more
enum { LONGEST_NUMBER = 64, LARGEST_POWER = 22 };  // a double holds powers of ten up to this one exactly
static const uint64_t EXACT = 1ull << 53;          // and every whole number up to this

// How a field is read; decode_program.py has the same names in the same order.
enum kind { PASSED_OVER, WHOLE_32, WHOLE_64, REAL, TEXT };

struct field {
    int64_t kind, required;            // without a required field a row would be nobody's
    int64_t lowest, highest, unset;    // of a whole number, both included, and the one that means no value
    const double *markers;             // of a real one those that mean no value, as many as `marked`,
    int64_t marked;
    double least_marker;               // none of them nearer to 0 than this
    void *values;                      // int32, int64, double, or the text of all rows, one behind the other
    uint8_t *valid;                    // a bit per row, all set before
    int64_t nulls;                     // counted here
    int32_t *offsets;                  // of text: where each row's begins, the first 0 before; one more than rows
    int64_t text_bytes;                // how much text there is room for
};

// How many bytes a field takes in a program: Python asserts that it has the same.
EXPORT int64_t field_bytes(void) { return (int64_t)sizeof(struct field); }

static int64_t frame_length(const uint8_t *at) {
    return (int64_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static unsigned digit_at(const uint8_t *at) { return (unsigned)*at - '0'; }  // 10 or more where there is none

// Note where each whole frame starts, and last where the last one ends; return how many frames there are.
// `starts` has room for one more than size / (LENGTH_BYTES + 1).
EXPORT int64_t frame_starts(const uint8_t *data, int64_t size, int64_t longest, int64_t *starts) {
    int64_t count = 0, at = 0;
    starts[0] = 0;
    while (at + LENGTH_BYTES <= size) {
        int64_t length = frame_length(data + at);
        if (length == 0 || length > longest || length > size - at - LENGTH_BYTES) break;
        at += LENGTH_BYTES + length;
        assert(count < size / (LENGTH_BYTES + 1));
        starts[++count] = at;
    }
    return count;
}

static const uint8_t *behind_field(const uint8_t *at, const uint8_t *end) {
    const uint8_t *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
    return nul ? nul + 1 : end;
}

// Return the number that a frame begins with, of one to three digits without leading zeros and a NUL; -1 for any other.
static int32_t message_id(const uint8_t *at, const uint8_t *end) {
    int32_t id = 0;
    if (at < end && *at == '0') return -1;
    for (int digits = 0; at < end && digits <= 3; digits++, at++) {
        if (!*at) return digits ? id : -1;
        if (digit_at(at) > 9) return -1;
        id = id * 10 + (int32_t)digit_at(at);
    }
    return -1;
}

// Note each frame's message id; of message `split_id` `split_base` plus its third field, one digit, or plus 0.
EXPORT void frame_keys(const uint8_t *data, const int64_t *starts, int64_t count, int32_t split_id, int32_t split_base,
                int32_t *keys) {
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *at = data + starts[i] + LENGTH_BYTES, *end = data + starts[i + 1];
        assert(at < end);
        keys[i] = message_id(at, end);
        if (keys[i] != split_id) continue;
        at = behind_field(behind_field(at, end), end);
        bool is_digit = at + 1 < end && !at[1] && digit_at(at) <= 9;
        keys[i] = split_base + (is_digit ? (int32_t)digit_at(at) : 0);
    }
}

// Note a number of each frame, of digits alone: the one behind as many fields as `places` says of its key, -1 where it
// says so, or where there is no such number.
EXPORT void frame_numbers(const uint8_t *data, const int64_t *starts, int64_t count, const int32_t *keys,
                          const int8_t *places, int32_t place_count, int64_t *numbers) {
    for (int64_t i = 0; i < count; i++) {
        int8_t place = keys[i] >= 0 && keys[i] < place_count ? places[keys[i]] : -1;
        const uint8_t *at = data + starts[i] + LENGTH_BYTES, *end = data + starts[i + 1], *first;
        assert(at < end);
        numbers[i] = -1;
        if (place < 0) continue;
        for (; place > 0; place--) at = behind_field(at, end);
        int64_t number = 0;
        for (first = at; at < end && digit_at(at) <= 9 && at - first < SHORT_DIGITS; at++) number = number * 10 + digit_at(at);
        if (at > first && at < end && !*at) numbers[i] = number;
    }
}

// A frame's fields are read one after the other: each reader moves `at` behind its field's NUL, which must be there,
// sets `is_none` where the field has no value, and returns whether it could read it.

static bool read_whole(const uint8_t **at, int64_t *value, bool *is_none) {
    bool is_minus = **at == '-';
    const uint8_t *first = *at + is_minus, *p = first;
    uint64_t number = 0;
    for (; digit_at(p) <= 9; p++) number = number * 10 + digit_at(p);
    if (*p || p - first > MOST_DIGITS || number > (uint64_t)INT64_MAX + is_minus) return false;
    *is_none = p == first;
    *value = (int64_t)(is_minus ? 0 - number : number);
    *at = p + 1;
    return !(*is_none && is_minus);
}

static const double POWERS[LARGEST_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// The nearest double: where number and power are exact, one operation rounds once; elsewhere the C library does.
// That one stops early where the locale's point is another: such a number is left to Python.
static bool nearest(const uint8_t *word, const uint8_t *end, uint64_t number, int64_t digits, int64_t power,
                    double *value) {
    if (digits <= MOST_DIGITS && number <= EXACT && -LARGEST_POWER <= power && power <= LARGEST_POWER) {
        *value = power < 0 ? (double)number / POWERS[-power] : (double)number * POWERS[power];
        if (*word == '-') *value = -*value;
        return true;
    }
    char *stop;
    if (end - word > LONGEST_NUMBER) return false;
    *value = strtod((const char *)word, &stop);
    return (const uint8_t *)stop == end;
}

// The power of ten that a number ends with, such as e-5; at most four digits, and `at` stays where there is none.
static int64_t read_power(const uint8_t **at) {
    if (**at != 'e' && **at != 'E') return 0;
    const uint8_t *p = *at + 1;
    bool is_minus = *p == '-';
    p += is_minus || *p == '+';
    const uint8_t *first = p;
    int64_t power = 0;
    for (; digit_at(p) <= 9 && p - first < 4; p++) power = power * 10 + digit_at(p);
    if (p > first) *at = p;
    return is_minus ? -power : power;
}

static bool read_real(const uint8_t **at, double *value, bool *is_none) {
    const uint8_t *word = *at, *p = word + (*word == '-'), *first = p;
    uint64_t number = 0;
    for (; digit_at(p) <= 9; p++) number = number * 10 + digit_at(p);
    int64_t digits = p - first, power = 0;
    if (*p == '.') {
        const uint8_t *point = p++;
        for (; digit_at(p) <= 9; p++) number = number * 10 + digit_at(p);
        power = point + 1 - p;
        digits -= power;
    }
    *is_none = p == word;
    *value = 0;
    if (digits) power += read_power(&p);
    *at = p + 1;
    return !*p && (*is_none || (digits && nearest(word, p, number, digits, power, value)));
}

static bool is_marker(const struct field *field, double value) {
    if (fabs(value) < field->least_marker) return false;
    for (int64_t i = 0; i < field->marked; i++)
        if (value == field->markers[i]) return true;
    return !isfinite(value);
}

static bool store_whole(struct field *field, const uint8_t **at, int64_t row, bool *is_none) {
    int64_t value;
    if (!read_whole(at, &value, is_none)) return false;
    if (!*is_none && (value < field->lowest || value > field->highest)) return false;
    *is_none |= value == field->unset;
    value = *is_none ? 0 : value;
    if (field->kind == WHOLE_32) ((int32_t *)field->values)[row] = (int32_t)value;
    else ((int64_t *)field->values)[row] = value;
    return true;
}

static bool store_real(struct field *field, const uint8_t **at, int64_t row, bool *is_none) {
    double value;
    if (!read_real(at, &value, is_none)) return false;
    *is_none |= is_marker(field, value);
    ((double *)field->values)[row] = *is_none ? 0 : value;
    return true;
}

// Text is ASCII here; what is not may be no text. There is room for it: see `read_columns`.
static bool store_text(struct field *field, const uint8_t **at, int64_t row) {
    const uint8_t *p = *at;
    uint8_t *text = field->values, bits = 0;
    int32_t end = field->offsets[row];
    for (; *p; p++) bits |= text[end++] = *p;
    field->offsets[row + 1] = end;
    *at = p + 1;
    return bits < 128;
}

static bool store(struct field *field, const uint8_t **at, int64_t row, bool *is_none) {
    switch ((enum kind)field->kind) {
        case WHOLE_32:
        case WHOLE_64: return store_whole(field, at, row, is_none);
        case REAL: return store_real(field, at, row, is_none);
        case TEXT: return store_text(field, at, row);
        case PASSED_OVER: while (*(*at)++) {} return true;
    }
    return false;
}

// Read one frame into a row; false where it does not fit. The bits of `nulls` are the fields without a value.
static bool read_row(const uint8_t *at, const uint8_t *end, struct field *fields, int64_t count, int64_t row,
                     uint64_t *nulls) {
    if (end[-1]) return false;  // so every field ends in a NUL
    for (int64_t i = 0; i < count; i++) {
        bool is_none = false;
        if (at == end || !store(&fields[i], &at, row, &is_none) || (is_none && fields[i].required)) return false;
        *nulls |= (uint64_t)is_none << i;
    }
    return at == end;
}

static void note_nulls(struct field *fields, uint64_t nulls, int64_t row) {
    for (int64_t i = 0; nulls; i++, nulls >>= 1) {
        if (!(nulls & 1)) continue;
        fields[i].valid[row >> 3] &= (uint8_t)~(1 << (row & 7));
        fields[i].nulls++;
    }
}

// Read some frames of one message, `index` of those at `starts`, into the columns of `fields`, which are all its fields,
// the message id first. Each frame is read once, so text has room where all bytes have. Return how many rows that gave;
// the places in `index` of frames that do not fit are `unfit`.
EXPORT int64_t read_columns(const uint8_t *data, int64_t size, const int64_t *starts, const int64_t *index, int64_t count,
                     struct field *fields, int64_t field_count, int64_t *unfit) {
    int64_t rows = 0;
    assert(field_count <= MOST_FIELDS && size <= INT32_MAX);
    for (int64_t i = 0; i < field_count; i++) assert(fields[i].kind != TEXT || fields[i].text_bytes >= size);
    for (int64_t i = 0; i < count; i++) {
        int64_t begin = starts[index[i]] + LENGTH_BYTES, end = starts[index[i] + 1];
        assert(0 <= begin && begin < end && end <= size && (i == 0 || index[i - 1] < index[i]));
        uint64_t nulls = 0;
        if (!read_row(data + begin, data + end, fields, field_count, rows, &nulls)) {
            unfit[i - rows] = i;
            continue;
        }
        if (nulls) note_nulls(fields, nulls, rows);
        rows++;
    }
    return rows;
}

static uint32_t hash_of(const uint8_t *word, int32_t size) {
    uint32_t hash = 2166136261u;
    for (int32_t i = 0; i < size; i++) hash = (hash ^ word[i]) * 16777619u;
    return hash ^ hash >> 15;
}

// Number the distinct words of a column of text in the order in which they come, and note each row's number, -1 for an
// empty word, and the row in which each number came first. Return how many there are, -1 for more than `most`.
// `slots` are a power of two, more than `most`, all of them -1.
EXPORT int64_t text_codes(const uint8_t *text, const int32_t *offsets, int64_t count, int32_t *codes, int32_t *firsts,
                   int32_t most, int32_t *slots, uint32_t slot_count) {
    int32_t distinct = 0;
    assert(slot_count > (uint32_t)most && (slot_count & (slot_count - 1)) == 0);
    for (int64_t row = 0; row < count; row++) {
        const uint8_t *word = text + offsets[row];
        int32_t size = offsets[row + 1] - offsets[row], code = -1;
        if (size == 0) { codes[row] = -1; continue; }
        uint32_t slot = hash_of(word, size) & (slot_count - 1);
        for (; (code = slots[slot]) >= 0; slot = (slot + 1) & (slot_count - 1)) {
            int32_t at = offsets[firsts[code]];
            if (offsets[firsts[code] + 1] - at == size && !memcmp(text + at, word, (size_t)size)) break;
        }
        if (code < 0) {
            if (distinct == most) return -1;
            firsts[distinct] = (int32_t)row;
            code = slots[slot] = distinct++;
        }
        codes[row] = code;
    }
    return distinct;
}
