/** A proxy before OSS that can lose or refuse requests: a bad network, or a bad minute of the service. */

import http from "node:http";
import { once } from "node:events";

/**
 * `rules` are asked in turn with each request; the first that returns a fault is used up.
 * A fault is "drop" (the connection dies), a status code, or a function that may wait or throw before the request goes on.
 */
export async function startProxy(target) {
  const calls = [];
  const rules = [];
  const proxy = http.createServer(async (request, response) => {
    const call = { method: request.method, url: request.url, headers: request.headers };
    calls.push(call);
    const at = rules.findIndex((rule) => rule.matches(call));
    const fault = at < 0 ? undefined : rules.splice(at, 1)[0].fault;
    if (fault === "drop") return request.socket.destroy();
    if (typeof fault === "number") return refuse(request, response, fault);
    await fault?.(call);
    forward(target, request, response);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    calls,
    failNext: (matches, fault) => rules.push({ matches, fault }),
    stop: () => (proxy.closeAllConnections(), new Promise((done) => proxy.close(done))),
  };
}

function refuse(request, response, status) {
  request.resume();
  response.writeHead(status, { "content-type": "application/xml" });
  response.end("<Error><Code>InternalError</Code><Message>made by the test</Message></Error>");
}

function forward(target, request, response) {
  const onward = http.request(target + request.url, { method: request.method, headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.on("error", () => onward.destroy());
  request.pipe(onward);
}
