/* SPDX-License-Identifier: Apache-2.0 */
/* What turncoatd and its guard agree on: one byte each 50 to 100 ms, and how long silence is borne. */
#ifndef TRN_DAEMON_HEARTBEAT_H
#define TRN_DAEMON_HEARTBEAT_H

/* Opens may wait for our verdict, or processes are held: silence hangs them. To be sent before the first file is
 * watched; of held processes the guard knows by itself. */
#define TRN_BEAT_HOLDING 'b'
#define TRN_BEAT_HOLDING_MS 500
/* Nobody waits for us. A machine so busy that we do not run for half a second is no reason to be blind on it. */
#define TRN_BEAT_IDLE 'i'
#define TRN_BEAT_IDLE_MS 5000

#endif
