// Rows that lie in runs, each in order, put into one order: which run each row comes from, then column by column.
//
// A run never turns back: the n-th time that it is named its n-th row is meant. So rows are read where they lie, each run
// from its beginning to its end, and no place of a row is ever written down. Buffers belong to the caller, who sees to
// their sizes.
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "kernel.h"

// The values of one column, of one run. `step` is 1, or 0 where one value stands for all rows.
struct lane {
    const void *values;
    int64_t step, at;  // the first row that is meant
    const int32_t *map;  // of codes: what each is called in what all runs share
};

// A run, by what rows are ordered by; of equal rows those come first whose run has the lower number.
struct run {
    const int64_t *ts, *seq;
    const int32_t *rank, *row;  // of the recorder, by name
    int64_t rank_step, row_step;
    int64_t at, end;
};

EXPORT int64_t run_bytes(void) { return (int64_t)sizeof(struct run); }
EXPORT int64_t lane_bytes(void) { return (int64_t)sizeof(struct lane); }

// Whether row i of a run comes before row j of another, or the same; 0 where they are equal.
static int compared(const struct run *a, int64_t i, const struct run *b, int64_t j) {
    if (a->ts[i] != b->ts[j]) return a->ts[i] < b->ts[j] ? -1 : 1;
    int32_t first = a->rank[i * a->rank_step], second = b->rank[j * b->rank_step];
    if (first != second) return first < second ? -1 : 1;
    if (a->seq[i] != b->seq[j]) return a->seq[i] < b->seq[j] ? -1 : 1;
    first = a->row[i * a->row_step], second = b->row[j * b->row_step];
    return first == second ? 0 : first < second ? -1 : 1;
}

// Cut the rows of a run from `at` on into runs that are in order: note in `ends` where each ends, and return how many
// there are, -1 where `room` is not enough.
EXPORT int64_t cut_runs(const struct run *rows, int64_t room, int64_t *ends) {
    int64_t count = 0;
    for (int64_t row = rows->at + 1; row <= rows->end; row++) {
        if (row < rows->end && compared(rows, row - 1, rows, row) <= 0) continue;
        if (count == room) return -1;
        ends[count++] = row;
    }
    return count;
}

// The next row of a run, as a heap holds it: by its time alone it is nearly always known which comes first.
struct next {
    int64_t ts, run;
};

EXPORT int64_t next_bytes(void) { return (int64_t)sizeof(struct next); }

static bool before(const struct run *runs, struct next a, struct next b) {
    if (a.ts != b.ts) return a.ts < b.ts;
    int found = compared(runs + a.run, runs[a.run].at, runs + b.run, runs[b.run].at);
    return found ? found < 0 : a.run < b.run;
}

// Let what stands at a place of a heap sink to where it belongs.
static void sink(const struct run *runs, struct next *heap, int64_t size, int64_t place) {
    struct next sinking = heap[place];
    for (int64_t below; (below = 2 * place + 1) < size; place = below) {
        if (below + 1 < size && before(runs, heap[below + 1], heap[below])) below++;
        if (!before(runs, heap[below], sinking)) break;
        heap[place] = heap[below];
    }
    heap[place] = sinking;
}

// Say in `turns` for each of the next rows, at most `most` and all before `until`, which of `count` runs it is of; move
// on what was taken, and return how many rows that are. `heap` has room for `count`.
EXPORT int64_t merge_runs(struct run *runs, int64_t count, int64_t until, int64_t most, struct next *heap,
                          int32_t *turns) {
    int64_t size = 0, taken = 0;
    for (int64_t number = 0; number < count; number++) {
        struct run *run = runs + number;
        if (run->at < run->end && run->ts[run->at] < until) heap[size++] = (struct next){run->ts[run->at], number};
    }
    for (int64_t place = size / 2; place-- > 0;) sink(runs, heap, size, place);
    while (size && taken < most) {
        struct run *first = runs + heap[0].run;
        turns[taken++] = (int32_t)heap[0].run;
        if (++first->at < first->end && first->ts[first->at] < until)
            heap[0].ts = first->ts[first->at];
        else
            heap[0] = heap[--size];
        if (size > 1) sink(runs, heap, size, 0);
    }
    return taken;
}

// Take values of `width` bytes, 4 or 8, from the lanes of the runs in their turns; lanes move on.
EXPORT void gather_values(const int32_t *turns, int64_t count, int64_t width, struct lane *lanes, void *values) {
    assert(width == 4 || width == 8);
    uint32_t *narrow = values;
    uint64_t *wide = values;
    for (int64_t row = 0; row < count; row++) {
        struct lane *lane = lanes + turns[row];
        if (width == 8)
            wide[row] = ((const uint64_t *)lane->values)[lane->at];
        else
            narrow[row] = ((const uint32_t *)lane->values)[lane->at];
        lane->at += lane->step;
    }
}

// Take codes of texts, as the lanes' maps call them; below 0 is none.
EXPORT void gather_codes(const int32_t *turns, int64_t count, struct lane *lanes, int32_t *codes) {
    for (int64_t row = 0; row < count; row++) {
        struct lane *lane = lanes + turns[row];
        codes[row] = lane->map[((const int32_t *)lane->values)[lane->at]];
        lane->at += lane->step;
    }
}

// Take bits; of lanes without values all are set. Returns how many are not.
EXPORT int64_t gather_bits(const int32_t *turns, int64_t count, struct lane *lanes, uint8_t *bits) {
    int64_t unset = 0;
    for (int64_t row = 0; row < count; row++) {
        struct lane *lane = lanes + turns[row];
        const uint8_t *values = lane->values;
        uint8_t bit = values ? values[lane->at >> 3] >> (lane->at & 7) & 1 : 1;
        if (!(row & 7)) bits[row >> 3] = 0;
        bits[row >> 3] |= (uint8_t)(bit << (row & 7));
        unset += !bit;
        lane->at += lane->step;
    }
    return unset;
}
