/** The emulated cloud: the keys that it knows from its start, its control route, and a way to reach it under OSS's own names. */

import http from "node:http";
import net from "node:net";

export const USER = { accessKeyId: "LTAIemulatorNotARealKey", accessKeySecret: "emulatorSecretNotARealOne" };
export const ROLE = "acs:ram::1234567890123456:role/oss-vend-dev";
export const PROVIDER = "acs:ram::1234567890123456:oidc-provider/emulator";
export const BUCKET = "examplebucket";
export const REGION = "cn-hangzhou";

/** Turns a knob; fails with what the emulator said. */
export async function control(cloud, method, path, order) {
  const answer = await fetch(`${cloud.oss}/-/emulator/${path}`, { method, body: order && JSON.stringify(order) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** Connects to the emulator whatever host is asked for, so that an SDK can use the real names. */
export function agentTo(url) {
  const { hostname, port } = new URL(url);
  const agent = new http.Agent({ keepAlive: true });
  agent.createConnection = (_, connected) => net.connect({ host: hostname, port: Number(port) }, connected);
  return agent;
}
