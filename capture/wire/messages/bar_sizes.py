"""How wide bars are: IB's words for it, in seconds."""
from capture.times import DAY_S, HOUR_S, MINUTE_S

BAR_SIZES_S = {  # weeks and months are trading weeks and months
    **{f"{n} secs": n for n in (1, 5, 10, 15, 30)}, "1 min": MINUTE_S,
    **{f"{n} mins": n * MINUTE_S for n in (2, 3, 5, 10, 15, 20, 30)}, "1 hour": HOUR_S,
    **{f"{n} hours": n * HOUR_S for n in (2, 3, 4, 8)}, "1 day": DAY_S,
    "1W": 7 * DAY_S, "1 week": 7 * DAY_S, "1M": 30 * DAY_S, "1 month": 30 * DAY_S,
}  # fmt: skip
