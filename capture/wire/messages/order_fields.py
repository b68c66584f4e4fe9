"""The words of orders: every field of an order and of its state, its kind, and what IB calls it.

One vocabulary for all messages about orders: a field is called and read the same in `place_order`, `open_order` and
`completed_order`, so that values of the one can be written as the other.

Prices, amounts and quantities are floats, as everywhere on our wire: quantities are decimals in IB's text, shares may
be fractional. Times are IB's own texts. None is no value; of numbers that always have one (ids, slots and the like), no
value is read as their usual one: 0, or -1 of exemption codes.
"""

from dataclasses import replace

from .message import MAXIMUM, Field, Kind

# Our name, IB's name, kind
_ROWS = """
order_id orderId int
client_id clientId int
permanent_id permId long
parent_id parentId int
parent_permanent_id parentPermId long
account account text
action action text
total_quantity totalQuantity decimal
filled_quantity filledQuantity decimal
cash_quantity cashQty float
display_size displaySize int
minimum_quantity minQty int
order_type orderType text
limit_price lmtPrice float
auxiliary_price auxPrice float
time_in_force tif text
good_after_time goodAfterTime text
good_till_date goodTillDate text
auto_cancel_date autoCancelDate text
active_start_time activeStartTime text
active_stop_time activeStopTime text
manual_order_time manualOrderTime text
manual_order_cancel_time manualOrderCancelTime text
duration duration int
order_reference orderRef text
transmit transmit bool
what_if whatIf bool
outside_regular_hours outsideRth bool
include_overnight includeOvernight bool
hidden hidden bool
block_order blockOrder bool
sweep_to_fill sweepToFill bool
all_or_none allOrNone bool
not_held notHeld bool
solicited solicited bool
randomize_size randomizeSize bool
randomize_price randomizePrice bool
imbalance_only imbalanceOnly bool
electronic_trade_only eTradeOnly bool
firm_quote_only firmQuoteOnly bool
nbbo_price_cap nbboPriceCap float
override_percentage_constraints overridePercentageConstraints bool
advanced_error_override advancedErrorOverride text
miscellaneous_options orderMiscOptions text
oca_group ocaGroup text
oca_type ocaType int
auto_cancel_parent autoCancelParent bool
trigger_method triggerMethod int
trail_stop_price trailStopPrice float
trailing_percent trailingPercent float
limit_price_offset lmtPriceOffset float
percent_offset percentOffset float
discretionary_amount discretionaryAmt float
discretionary_up_to_limit_price discretionaryUpToLimitPrice bool
use_price_management_algo usePriceMgmtAlgo int
adjusted_order_type adjustedOrderType text
trigger_price triggerPrice float
adjusted_stop_price adjustedStopPrice float
adjusted_stop_limit_price adjustedStopLimitPrice float
adjusted_trailing_amount adjustedTrailingAmount float
adjustable_trailing_unit adjustableTrailingUnit int
auction_strategy auctionStrategy int
starting_price startingPrice float
stock_reference_price stockRefPrice float
delta delta float
stock_range_lower stockRangeLower float
stock_range_upper stockRangeUpper float
volatility volatility float
volatility_type volatilityType int
continuous_update continuousUpdate bool
reference_price_type referencePriceType int
basis_points basisPoints float
basis_points_type basisPointsType int
delta_neutral_order_type deltaNeutralOrderType text
delta_neutral_auxiliary_price deltaNeutralAuxPrice float
delta_neutral_con_id deltaNeutralConId int
delta_neutral_settling_firm deltaNeutralSettlingFirm text
delta_neutral_clearing_account deltaNeutralClearingAccount text
delta_neutral_clearing_intent deltaNeutralClearingIntent text
delta_neutral_open_close deltaNeutralOpenClose text
delta_neutral_short_sale deltaNeutralShortSale bool
delta_neutral_short_sale_slot deltaNeutralShortSaleSlot int
delta_neutral_designated_location deltaNeutralDesignatedLocation text
scale_initial_level_size scaleInitLevelSize int
scale_subsequent_level_size scaleSubsLevelSize int
scale_price_increment scalePriceIncrement float
scale_price_adjust_value scalePriceAdjustValue float
scale_price_adjust_interval scalePriceAdjustInterval int
scale_profit_offset scaleProfitOffset float
scale_auto_reset scaleAutoReset bool
scale_initial_position scaleInitPosition int
scale_initial_fill_quantity scaleInitFillQty int
scale_random_percent scaleRandomPercent bool
scale_table scaleTable text
hedge_type hedgeType text
hedge_parameter hedgeParam text
algo_strategy algoStrategy text
algo_id algoId text
reference_con_id referenceContractId int
pegged_change_amount_decreases isPeggedChangeAmountDecrease bool
pegged_change_amount peggedChangeAmount float
reference_change_amount referenceChangeAmount float
reference_exchange referenceExchangeId text
reference_futures_con_id refFuturesConId int
conditions_ignore_regular_hours conditionsIgnoreRth bool
conditions_cancel_order conditionsCancelOrder bool
minimum_trade_quantity minTradeQty int
minimum_compete_size minCompeteSize int
compete_against_best_offset competeAgainstBestOffset unbounded
mid_offset_at_whole midOffsetAtWhole float
mid_offset_at_half midOffsetAtHalf float
post_to_ats postToAts int
route_marketable_to_bbo routeMarketableToBbo int
opt_out_smart_routing optOutSmartRouting bool
automatic_price_for_hedge_off dontUseAutoPriceForHedge bool
is_oms_container isOmsContainer bool
open_close openClose text
origin origin int
short_sale_slot shortSaleSlot int
designated_location designatedLocation text
exempt_code exemptCode int
rule_80a rule80A text
settling_firm settlingFirm text
clearing_account clearingAccount text
clearing_intent clearingIntent text
shares_allocation sharesAllocation text
advisor_group faGroup text
advisor_method faMethod text
advisor_percentage faPercentage text
advisor_profile faProfile text
model_code modelCode text
soft_dollar_name softDollarTierName text
soft_dollar_value softDollarTierValue text
soft_dollar_title softDollarTierDisplayName text
external_operator extOperator text
external_user_id externalUserId text
manual_order_indicator manualOrderIndicator int
mifid2_decision_maker mifid2DecisionMaker text
mifid2_decision_algo mifid2DecisionAlgo text
mifid2_execution_trader mifid2ExecutionTrader text
mifid2_execution_algo mifid2ExecutionAlgo text
customer_account customerAccount text
professional_customer professionalCustomer bool
bond_accrued_interest bondAccruedInterest text
shareholder shareholder text
submitter submitter text
legs_description comboLegsDescrip text
status status text
initial_margin_before initMarginBefore float
maintenance_margin_before maintMarginBefore float
equity_with_loan_before equityWithLoanBefore float
initial_margin_change initMarginChange float
maintenance_margin_change maintMarginChange float
equity_with_loan_change equityWithLoanChange float
initial_margin_after initMarginAfter float
maintenance_margin_after maintMarginAfter float
equity_with_loan_after equityWithLoanAfter float
commission commission float
minimum_commission minCommission float
maximum_commission maxCommission float
commission_currency commissionCurrency text
margin_currency marginCurrency text
initial_margin_before_outside_hours initMarginBeforeOutsideRTH float
maintenance_margin_before_outside_hours maintMarginBeforeOutsideRTH float
equity_with_loan_before_outside_hours equityWithLoanBeforeOutsideRTH float
initial_margin_change_outside_hours initMarginChangeOutsideRTH float
maintenance_margin_change_outside_hours maintMarginChangeOutsideRTH float
equity_with_loan_change_outside_hours equityWithLoanChangeOutsideRTH float
initial_margin_after_outside_hours initMarginAfterOutsideRTH float
maintenance_margin_after_outside_hours maintMarginAfterOutsideRTH float
equity_with_loan_after_outside_hours equityWithLoanAfterOutsideRTH float
suggested_size suggestedSize decimal
reject_reason rejectReason text
warning_text warningText text
completed_time completedTime text
completed_status completedStatus text
"""

_SPLIT = [row.split() for row in _ROWS.strip().splitlines()]
_FIELDS = {name: Field(name, Kind(kind)) for name, _, kind in _SPLIT}
IB_NAMES = {name: theirs for name, theirs, _ in _SPLIT}  # by which IB's documentation and clients have them

# How no value is written differs from field to field, and of some fields from message to message.


def empty(names: str, since: int = 0, until: int = 1 << 31) -> tuple[Field, ...]:
    """Return fields of these names, separated by blanks, that are empty where they have no value."""
    return tuple(replace(_FIELDS[name], since=since, until=until) for name in names.split())


def zero(names: str, since: int = 0, until: int = 1 << 31) -> tuple[Field, ...]:
    """Return fields whose numbers always have a value: 0 where none is given."""
    return tuple(_else(field, "0") for field in empty(names, since, until))


def maximum(names: str, since: int = 0, until: int = 1 << 31) -> tuple[Field, ...]:
    """Return fields whose numbers are the largest of their kind where they have no value."""
    return tuple(_else(field, MAXIMUM.get(field.kind, "")) for field in empty(names, since, until))


def _else(field: Field, none: str) -> Field:
    return field if field.kind in (Kind.TEXT, Kind.BOOL) else replace(field, none=none)


EXEMPT_CODE = replace(_FIELDS["exempt_code"], none="-1")
