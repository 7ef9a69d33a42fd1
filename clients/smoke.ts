/** A client in TypeScript: what it reads is typed as the page, the receipt and the figure, without a cast. */
import createClient from "openapi-fetch";
import type { components, paths } from "./build/typescript/steward.js";

const [baseUrl, key] = process.argv.slice(2);
if (!baseUrl || !key) throw new Error("usage: node smoke.js ADDRESS KEY");
const steward = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

const opened = await steward.POST("/v1/accounts", {
  body: { name: "Tyrell", currency: "EUR", time_zone: "Europe/Berlin", visibility: "internal" },
});
if (!opened.data) throw new Error(`not opened: ${opened.error.code}`);
const receipt: components["schemas"]["Receipt"] = opened.data;

const listed = await steward.GET("/v1/accounts", {
  params: { query: { limit: 200 }, header: { "min-event-position": receipt.position } },
});
if (!listed.data) throw new Error(`not listed: ${listed.error.code}`);
const page: components["schemas"]["AccountPage"] = listed.data;
if (!page.data.some((account) => account.id === receipt.id)) throw new Error(`the account is not listed: ${JSON.stringify(page)}`);

const asked = await steward.GET("/v1/kpis/{name}", { params: { path: { name: "mrr" }, query: { currency: "EUR" } } });
if (!asked.data) throw new Error(`no figure: ${asked.error.code}`);
const figure: components["schemas"]["Figure"] = asked.data;
if (figure.value === null || figure.unit !== "money") throw new Error(`no figure: ${JSON.stringify(figure)}`);

const refused = await steward.GET("/v1/accounts/{account}", { params: { path: { account: "acct_none" } } });
if (refused.error?.code !== "account_not_found") throw new Error(`not refused: ${JSON.stringify(refused.error)}`);
console.log(`openapi-typescript: ${receipt.id} was opened, listed and counted`);
