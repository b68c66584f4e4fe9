"""IB's tick types: number, name, how the value arrives, and the generic tick that asks for it."""

from typing import NamedTuple


class TickType(NamedTuple):
    """A tick type. `kind` is price, size, generic, string, option, efp or news; `generic` asks for it."""

    id: int
    name: str
    kind: str
    generic: int | None = None


# id, name, kind[, generic tick id]
_ROWS = """
0 BID_SIZE size
1 BID price
2 ASK price
3 ASK_SIZE size
4 LAST price
5 LAST_SIZE size
6 HIGH price
7 LOW price
8 VOLUME size
9 CLOSE price
10 BID_OPTION_COMPUTATION option
11 ASK_OPTION_COMPUTATION option
12 LAST_OPTION_COMPUTATION option
13 MODEL_OPTION option
14 OPEN price
15 LOW_13_WEEK price 165
16 HIGH_13_WEEK price 165
17 LOW_26_WEEK price 165
18 HIGH_26_WEEK price 165
19 LOW_52_WEEK price 165
20 HIGH_52_WEEK price 165
21 AVG_VOLUME size 165
22 OPEN_INTEREST size
23 OPTION_HISTORICAL_VOL generic 104
24 OPTION_IMPLIED_VOL generic 106
25 OPTION_BID_EXCH string
26 OPTION_ASK_EXCH string
27 OPTION_CALL_OPEN_INTEREST size 101
28 OPTION_PUT_OPEN_INTEREST size 101
29 OPTION_CALL_VOLUME size 100
30 OPTION_PUT_VOLUME size 100
31 INDEX_FUTURE_PREMIUM generic 162
32 BID_EXCH string
33 ASK_EXCH string
34 AUCTION_VOLUME size 225
35 AUCTION_PRICE price 225
36 AUCTION_IMBALANCE size 225
37 MARK_PRICE price 232
38 BID_EFP_COMPUTATION efp
39 ASK_EFP_COMPUTATION efp
40 LAST_EFP_COMPUTATION efp
41 OPEN_EFP_COMPUTATION efp
42 HIGH_EFP_COMPUTATION efp
43 LOW_EFP_COMPUTATION efp
44 CLOSE_EFP_COMPUTATION efp
45 LAST_TIMESTAMP string
46 SHORTABLE generic 236
47 FUNDAMENTAL_RATIOS string 258
48 RT_VOLUME string 233
49 HALTED generic
50 BID_YIELD price
51 ASK_YIELD price
52 LAST_YIELD price
53 CUST_OPTION_COMPUTATION option
54 TRADE_COUNT generic 293
55 TRADE_RATE generic 294
56 VOLUME_RATE generic 295
57 LAST_RTH_TRADE price 318
58 RT_HISTORICAL_VOL generic 411
59 IB_DIVIDENDS string 456
60 BOND_FACTOR_MULTIPLIER generic 460
61 REGULATORY_IMBALANCE size 225
62 NEWS_TICK news 292
63 SHORT_TERM_VOLUME_3_MIN size 595
64 SHORT_TERM_VOLUME_5_MIN size 595
65 SHORT_TERM_VOLUME_10_MIN size 595
66 DELAYED_BID price
67 DELAYED_ASK price
68 DELAYED_LAST price
69 DELAYED_BID_SIZE size
70 DELAYED_ASK_SIZE size
71 DELAYED_LAST_SIZE size
72 DELAYED_HIGH price
73 DELAYED_LOW price
74 DELAYED_VOLUME size
75 DELAYED_CLOSE price
76 DELAYED_OPEN price
77 RT_TRD_VOLUME string 375
78 CREDITMAN_MARK_PRICE price
79 CREDITMAN_SLOW_MARK_PRICE price 619
80 DELAYED_BID_OPTION option
81 DELAYED_ASK_OPTION option
82 DELAYED_LAST_OPTION option
83 DELAYED_MODEL_OPTION option
84 LAST_EXCH string
85 LAST_REG_TIME string
86 FUTURES_OPEN_INTEREST size 588
87 AVG_OPT_VOLUME size 105
88 DELAYED_LAST_TIMESTAMP string
89 SHORTABLE_SHARES size 236
90 DELAYED_HALTED generic
91 REUTERS_2_MUTUAL_FUNDS string
92 ETF_NAV_CLOSE price 578
93 ETF_NAV_PRIOR_CLOSE price 578
94 ETF_NAV_BID price 576
95 ETF_NAV_ASK price 576
96 ETF_NAV_LAST price 577
97 ETF_FROZEN_NAV_LAST price 623
98 ETF_NAV_HIGH price 614
99 ETF_NAV_LOW price 614
100 SOCIAL_MARKET_ANALYTICS string
101 ESTIMATED_IPO_MIDPOINT generic 586
102 FINAL_IPO_LAST generic 586
103 DELAYED_YIELD_BID price
104 DELAYED_YIELD_ASK price
105 ODD_LOT_BID price 787
106 ODD_LOT_ASK price 787
107 ODD_LOT_BID_SIZE size 787
108 ODD_LOT_ASK_SIZE size 787
109 ODD_LOT_BID_EXCH string 787
110 ODD_LOT_ASK_EXCH string 787
"""


def _tick_type(row: str) -> TickType:
    id_, name, kind, *generic = row.split()
    return TickType(int(id_), name, kind, int(generic[0]) if generic else None)


TICK_TYPES = {tick.id: tick for tick in map(_tick_type, _ROWS.strip().splitlines())}

# The size that travels inside a price tick belongs to this size tick; other price ticks carry a meaningless size.
SIZE_OF_PRICE = {1: 0, 2: 3, 4: 5, 66: 69, 67: 70, 68: 71}

# Delayed tick type -> the live one it stands for.
LIVE_OF_DELAYED = {
    66: 1, 67: 2, 68: 4, 69: 0, 70: 3, 71: 5, 72: 6, 73: 7, 74: 8, 75: 9, 76: 14, 80: 10, 81: 11, 82: 12, 83: 13,
    88: 45, 90: 49, 103: 50, 104: 51,
}  # fmt: skip


def tick_name(tick_type: int) -> str:
    """Return IB's name of a tick type; `tick_N` for a number that has none, as newer servers add types at will."""
    known = TICK_TYPES.get(tick_type)
    return known.name if known else f"tick_{tick_type}"
