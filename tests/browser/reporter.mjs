// The reporter `spec` with a last line that counts passed and failed tests.

import { Readable } from "node:stream";
import { spec } from "node:test/reporters";

export default async function* report(events) {
  const counts = { passed: 0, failed: 0 };
  async function* counted() {
    for await (const event of events) {
      if (event.data?.details?.type !== "suite") {
        if (event.type === "test:pass") counts.passed += 1;
        if (event.type === "test:fail") counts.failed += 1;
      }
      yield event;
    }
  }
  yield* Readable.from(counted()).pipe(new spec());
  yield `\n${counts.passed} passed, ${counts.failed} failed\n`;
}
