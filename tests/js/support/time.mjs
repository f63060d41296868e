/** Time that a test moves. */

import { control } from "./emulator.mjs";
import { ask } from "./server.mjs";

/** Sessions that no test asks for, so that the server has to call STS. */
const UNASKED = ["grant=avatars&duration=900", "grant=avatars&duration=1800", "grant=avatars"];

/** Time goes on for the cloud, and for the server, which goes by the clock that STS shows at each call. */
export async function letTimePass(cloud, seconds) {
  const { clockOffsetSeconds } = await control(cloud, "GET", "");
  await control(cloud, "PUT", "clock", { offsetSeconds: clockOffsetSeconds + seconds });
  cloud.passed = (cloud.passed ?? 0) + 1;
  await ask(`${cloud.server}/sts?${UNASKED[cloud.passed - 1]}`, { headers: cloud.as("bob") });
}
