/** A page's code with a generated client: what the document says is what this compiles against, and then it uploads. */

import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

type Schemas = components["schemas"];

declare const process: { argv: string[] }; // of Node, whose types are not needed for more
const server = process.argv[2];
if (!server) throw new Error("the address of the server is missing");
const client = createClient<paths>({ baseUrl: server });

async function credentials(): Promise<Schemas["Credentials"]> {
  const { data, error } = await client.GET("/sts", { params: { query: { grant: "default", duration: 900 } } });
  if (error) throw new Error(`${error.status} ${error.code}: ${error.detail}`);
  return data;
}

/** Puts `body` through a signed URL, and reads it back through another. */
async function upload(body: string): Promise<string> {
  const items: Schemas["UrlParameters"][] = [
    { key: "uploads/client.txt", contentType: "text/plain", size: body.length },
    { key: "uploads/client.txt", method: "GET" },
    { key: "elsewhere/client.txt", method: "GET" },
  ];
  const { data, error } = await client.POST("/presigned-url", { body: { items } });
  if (error) throw new Error(error.detail);
  if (typeof data === "string" || !("items" in data)) throw new Error("one answer for three items");
  const [put, get, refused] = data.items;
  if (!put || !("url" in put) || !get || !("url" in get)) throw new Error("an item was refused");
  if (!refused || !("problem" in refused)) throw new Error("an item was not refused");
  const code: Schemas["Problem"]["code"] = refused.problem.code;
  if (code !== "key_outside_directory") throw new Error(code);
  const sent = await fetch(put.url, { method: put.method, headers: put.headers, body });
  if (!sent.ok) throw new Error(await sent.text());
  return (await fetch(get.url)).text();
}

async function form(): Promise<Schemas["SignedForm"]> {
  const { data, error } = await client.GET("/post-signature", { params: { query: { filename: "photo.png" } } });
  if (error) throw new Error(error.detail);
  return data;
}

/** What is wrong with a request is told by type: the codes of one status are a list. */
async function refusal(): Promise<string> {
  const { error, response } = await client.GET("/presigned-url", { params: { query: { key: "elsewhere", method: "GET" } } });
  if (!error || response.status !== 403) throw new Error("it was not refused");
  return error.code;
}

async function misspelt(): Promise<void> {
  // @ts-expect-error: a parameter that is not known does not compile.
  await client.GET("/sts", { params: { query: { durations: 900 } } });
  // @ts-expect-error: nor does a value that is none of the list.
  await client.POST("/presigned-url", { body: { key: "uploads/a", method: "PATCH" } });
}

const given = await credentials();
if (!given.AccessKeyId.startsWith("STS.") || given.dir !== "uploads/") throw new Error("these are no credentials");
if ((await upload("hello")) !== "hello") throw new Error("what was put is not what was got");
const { fields, url } = await form();
if (!fields["policy"] || !url.startsWith("http")) throw new Error("this is no form");
if ((await refusal()) !== "key_outside_directory") throw new Error("refused for another reason");
await misspelt();
console.log("the generated client compiles, and uploads");
