// Runs where @stoqey/ib is installed: `PORT` asks a gateway for what its users ask for, and prints what came as JSON.
const {IBApiNext, SecType, OptionType, BarSizeSetting, WhatToShow, Instrument, LocationCode, ScanCode} =
  require("@stoqey/ib");
const {firstValueFrom, filter, timeout} = require("rxjs");

const port = Number(process.argv[2]);
const api = new IBApiNext({host: "127.0.0.1", port});
const aapl = {symbol: "AAPL", secType: SecType.STK, exchange: "SMART", currency: "USD", multiplier: 0};
const call = {symbol: "AAPL", secType: SecType.OPT, exchange: "SMART", currency: "USD", strike: 250,
  right: OptionType.Call, lastTradeDateOrContractMonth: "20261218", multiplier: 100};
const found = {};

async function step(name, of) {
  try {
    found[name] = await of();
  } catch (error) {
    found[name] = `failed: ${error.error?.message ?? error.message ?? error} ${error.code ?? ""}`;
  }
}
const first = (stream, wanted) => firstValueFrom(stream.pipe(filter(wanted), timeout(60000)));

async function main() {
  api.connect(7);
  await step("connected", async () => (await first(api.connectionState, (state) => state === 2)) === 2);
  await step("time", async () => (await api.getCurrentTime()) > 0);
  await step("accounts", async () => await api.getManagedAccounts());
  await step("details", async () => (await api.getContractDetails(aapl)).map((one) => one.contract.localSymbol));
  await step("option", async () => (await api.getContractDetails(call)).map((one) => one.contract.localSymbol));
  await step("matching", async () => (await api.getMatchingSymbols("AAP")).length > 0);
  await step("chain", async () => (await api.getSecDefOptParams("AAPL", "", SecType.STK, 265598)).length > 0);
  await step("head", async () => Number(await api.getHeadTimestamp(aapl, WhatToShow.TRADES, false, 2)) > 0);
  await step("bars", async () => (await api.getHistoricalData(aapl, "", "60 S", BarSizeSetting.SECONDS_FIVE,
    WhatToShow.TRADES, 0, 2)).length > 3);
  await step("histogram", async () => (await api.getHistogramData(aapl, false, 1, "day")).length > 0);
  await step("snapshot", async () => (await api.getMarketDataSnapshot(aapl, "", false)).size > 3);
  await step("ticks", async () => (await first(api.getMarketData(aapl, "", false, false), (one) => one.all.size > 3)).all.size > 3);
  await step("tick-by-tick", async () => (await first(api.getTickByTickAllLastDataUpdates(aapl, 0, false), (one) => one.price > 0)).price > 0);
  await step("depth", async () => (await first(api.getMarketDepth(aapl, 5, true), (one) => one.all.bids.size > 2)).all.bids.size > 2);
  await step("summary", async () => (await first(api.getAccountSummary("All", "NetLiquidation"), (one) => one.all.size > 0)).all.size);
  await step("positions", async () => (await first(api.getPositions(), () => true)).all.size);
  await step("pnl", async () => (await first(api.getPnL("DU1234567"), () => true)).dailyPnL);
  await step("single", async () => (await first(api.getPnLSingle("DU1234567", "", 265598), () => true)).position);
  await step("executions", async () => (await api.getExecutionDetails({})).length);
  await step("orders", async () => (await api.getAllOpenOrders()).length);
  await step("rule", async () => (await api.getMarketRule(26)).length > 0);
  await step("user", async () => (await api.getUserInfo()) !== undefined);
  await step("scan", async () => (await first(api.getMarketScanner({instrument: Instrument.STK,
    locationCode: LocationCode.STK_US_MAJOR, scanCode: ScanCode.TOP_PERC_GAIN, numberOfRows: 5}), (one) => one.all.size > 0)).all.size > 0);
  console.log(JSON.stringify(found));
  api.disconnect();
  setTimeout(() => process.exit(0), 100);
}

main();
