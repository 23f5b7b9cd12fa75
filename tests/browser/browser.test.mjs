// Cookies in a real browser: which of them scripts see, which requests carry them, and how little a
// page of another origin can do.
//
// CHROMIUM is the browser's path, BINARIES the folder of `local` and the functions.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const WORKSPACE = fileURLToPath(new URL("../..", import.meta.url));
const PASSWORD = "correct horse battery";
const ACCESS = "__Host-access_token";
const REFRESH = "__Host-refresh_token";
const CSRF_ACCESS = "__Host-csrf_access_token";
const CSRF_REFRESH = "__Host-csrf_refresh_token";
const COOKIES = [ACCESS, CSRF_ACCESS, CSRF_REFRESH, REFRESH];

/** Starts the local stack. `url` resolves when it is ready. */
function startStack() {
  const binaries = resolve(process.env.BINARIES);
  const options = ["--port", "0", "--state", "memory", "--timeout", "20"];
  const stack = spawn(`${binaries}/local`, [...options, "--functions", binaries], {
    cwd: WORKSPACE,
    // Each test logs users in from one address.
    env: { ...process.env, JWT_TOKEN_LOCATION: "headers,cookies", LOGIN_LIMIT_ADDRESS: "off", SIGNUP_LIMIT_ADDRESS: "off" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  // It stops its child processes when it gets SIGTERM.
  process.on("exit", () => stack.kill());
  const url = new Promise((resolveUrl, reject) => {
    stack.on("error", reject);
    stack.on("exit", (code) => reject(new Error(`the stack exited with ${code}`)));
    // Reads all output: a full pipe would block the stack.
    createInterface({ input: stack.stdout }).on("line", (line) => {
      if (line.startsWith("ready ")) resolveUrl(line.slice("ready ".length).trim());
    });
  });
  return { stack, url };
}

/**
 * A server of another origin. Ports do not separate sites: its pages on 127.0.0.1 are same-site
 * with the API, so `SameSite` does not protect against them.
 */
async function serveOtherOrigin() {
  const server = createServer((request, answer) => {
    const policy = request.url === "/without-referrer" ? "no-referrer" : "strict-origin";
    answer.setHeader("Content-Type", "text/html");
    answer.setHeader("Referrer-Policy", policy);
    // An empty icon prevents requests for `/favicon.ico`.
    answer.end(`<!doctype html>
      <link rel="icon" href="data:,">
      <form method="post" enctype="text/plain"></form>`);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

describe("cookies in a browser", { timeout: 300_000 }, () => {
  let api, browser, otherOrigin, port, started;
  let users = 0;

  before(
    async () => {
      started = startStack();
      otherOrigin = await serveOtherOrigin();
      port = otherOrigin.address().port;
      browser = await chromium.launch({
        executablePath: process.env.CHROMIUM,
        args: ["--no-sandbox"],
      });
      api = await started.url;
    },
    { timeout: 60_000 },
  );

  after(async () => {
    await browser?.close();
    otherOrigin?.close();
    if (started?.stack.exitCode === null && started.stack.kill()) {
      await once(started.stack, "exit");
    }
  });

  /** Signs a user up and logs in with cookies, in a new browser profile. */
  async function logIn(t) {
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    await page.goto(`${api}/health`);

    /** Sends a request from a script of the API's own origin. */
    const call = (method, path, { csrf, body } = {}) =>
      page.evaluate(
        async ({ method, path, csrf, body }) => {
          const headers = {};
          if (csrf !== undefined) headers["X-CSRF-TOKEN"] = csrf;
          if (body !== undefined) headers["Content-Type"] = "application/json";
          const answer = await fetch(path, { method, headers, body: JSON.stringify(body) });
          const text = await answer.text();
          return { status: answer.status, body: text === "" ? null : JSON.parse(text) };
        },
        { method, path, csrf, body },
      );
    const visible = () =>
      page.evaluate(() => Object.fromEntries(document.cookie.split("; ").map((c) => c.split("="))));
    const stored = async () =>
      Object.fromEntries((await context.cookies()).map((cookie) => [cookie.name, cookie]));

    const username = `visitor-${(users += 1)}`;
    const credentials = { username, password: PASSWORD };
    assert.equal((await call("POST", "/signup", { body: credentials })).status, 201);
    const login = await call("POST", "/login", { body: { ...credentials, cookies: true } });
    assert.equal(login.status, 200, JSON.stringify(login));
    return { context, call, visible, stored, username, login: login.body };
  }

  /** Opens a page of another origin. */
  async function visit(context, url) {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  /** Headers of the request that `attack` sends, as on the wire, and the status of the answer. */
  async function sentBy(page, attack) {
    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    const [{ headers }, { statusCode }] = await Promise.all([
      new Promise((sent) => network.once("Network.requestWillBeSentExtraInfo", sent)),
      new Promise((answered) => network.once("Network.responseReceivedExtraInfo", answered)),
      attack(page, `${api}/logout`),
    ]);
    return { cookie: headers.Cookie ?? "", origin: headers.Origin, status: statusCode };
  }

  /** Submits the page's form. Returns the answer, which the browser shows as a page. */
  async function submitForm(page, action) {
    const submit = (action) => {
      document.forms[0].action = action;
      document.forms[0].submit();
    };
    await Promise.all([page.waitForURL(action), page.evaluate(submit, action)]);
    return JSON.parse(await page.textContent("body"));
  }

  const isRefused = (answer, code) => {
    assert.equal(answer.status, 401, JSON.stringify(answer));
    assert.equal(answer.body.error, code, JSON.stringify(answer));
  };

  const isLoggedIn = async ({ call, username }) =>
    assert.deepEqual(await call("GET", "/protected"), {
      status: 200,
      body: { logged_in_as: username },
    });

  test("after a login scripts see the CSRF values but not the tokens", async (t) => {
    const visitor = await logIn(t);
    const [stored, visible] = [await visitor.stored(), await visitor.visible()];

    assert.deepEqual(Object.keys(stored).sort(), COOKIES);
    for (const { name, ...cookie } of Object.values(stored)) {
      assert.equal(cookie.httpOnly, name === ACCESS || name === REFRESH, name);
      assert.equal(cookie.secure, true, name);
      assert.equal(cookie.sameSite, "Lax", name);
      assert.equal(cookie.path, "/", name);
    }
    const now = Date.now() / 1000;
    for (const [name, lifetime] of [
      [ACCESS, visitor.login.expires_in],
      [REFRESH, visitor.login.refresh_expires_in],
    ]) {
      const remaining = stored[name].expires - now;
      assert.ok(remaining <= lifetime + 1 && remaining > lifetime - 60, `${name}: ${remaining}`);
    }

    assert.deepEqual(visible, {
      [CSRF_ACCESS]: visitor.login.csrf_access_token,
      [CSRF_REFRESH]: visitor.login.csrf_refresh_token,
    });
    const body = JSON.stringify(visitor.login);
    assert.ok(!body.includes(stored[ACCESS].value) && !body.includes(stored[REFRESH].value));
    await isLoggedIn(visitor);
  });

  test("a state-changing request needs the CSRF value of its token", async (t) => {
    const visitor = await logIn(t);
    const { csrf_access_token: csrf, csrf_refresh_token: ofRefresh } = visitor.login;
    const newPassword = { current_password: PASSWORD, new_password: "staple correct horse" };
    for (const [method, path, status, body] of [
      ["DELETE", "/sessions?keep=current", 204],
      ["POST", "/password", 200, newPassword],
    ]) {
      for (const wrong of [undefined, "", "wrong", ofRefresh, csrf.slice(0, -1)]) {
        isRefused(await visitor.call(method, path, { csrf: wrong, body }), "csrf_failed");
      }
      const answer = await visitor.call(method, path, { csrf, body });
      assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer)}`);
    }
    await isLoggedIn(visitor);
  });

  test("a refresh replaces all four cookies and invalidates the old CSRF values", async (t) => {
    const visitor = await logIn(t);
    const { csrf_access_token: oldAccess, csrf_refresh_token: oldRefresh } = visitor.login;
    const old = await visitor.stored();
    const refresh = (csrf) => visitor.call("POST", "/refresh", { csrf });

    isRefused(await refresh(), "csrf_failed");
    isRefused(await refresh(oldAccess), "csrf_failed");
    assert.deepEqual(await visitor.stored(), old);

    const { status, body: fresh } = await refresh(oldRefresh);
    assert.equal(status, 200, JSON.stringify(fresh));
    const stored = await visitor.stored();
    assert.deepEqual(Object.keys(stored).sort(), COOKIES);
    for (const name of COOKIES) assert.notEqual(stored[name].value, old[name].value, name);
    assert.deepEqual(await visitor.visible(), {
      [CSRF_ACCESS]: fresh.csrf_access_token,
      [CSRF_REFRESH]: fresh.csrf_refresh_token,
    });

    const change = (csrf) => visitor.call("DELETE", "/sessions?keep=current", { csrf });
    isRefused(await change(oldAccess), "csrf_failed");
    assert.equal((await change(fresh.csrf_access_token)).status, 204);
    isRefused(await refresh(oldRefresh), "csrf_failed");
    assert.equal((await refresh(fresh.csrf_refresh_token)).status, 200);
    await isLoggedIn(visitor);
  });

  test("a logout clears the cookies and ends the session", async (t) => {
    const visitor = await logIn(t);
    const copies = await visitor.context.cookies();

    isRefused(await visitor.call("POST", "/logout"), "csrf_failed");
    await isLoggedIn(visitor);

    const csrf = visitor.login.csrf_access_token;
    assert.deepEqual(await visitor.call("POST", "/logout", { csrf }), {
      status: 200,
      body: { msg: "Logged out" },
    });
    assert.deepEqual(await visitor.context.cookies(), []);
    isRefused(await visitor.call("GET", "/protected"), "missing_token");

    await visitor.context.addCookies(copies);
    isRefused(await visitor.call("GET", "/protected"), "token_revoked");
  });

  test("requests of another origin are refused although they carry the cookies", async (t) => {
    const visitor = await logIn(t);
    const byFetch = async (page, url) => {
      const send = async (url) => {
        const options = { mode: "no-cors", credentials: "include", body: "text" };
        return (await fetch(url, { method: "POST", ...options })).type;
      };
      assert.equal(await page.evaluate(send, url), "opaque");
    };
    const byForm = async (page, url) =>
      assert.equal((await submitForm(page, url)).error, "csrf_failed");
    for (const [path, attack, origin] of [
      ["/", byFetch, `http://127.0.0.1:${port}`],
      ["/", byForm, `http://127.0.0.1:${port}`],
      ["/without-referrer", byForm, "null"],
    ]) {
      const page = await visit(visitor.context, `http://127.0.0.1:${port}${path}`);
      const sent = await sentBy(page, attack);
      const label = `${attack.name} from ${path}: ${JSON.stringify(sent)}`;
      // The browser sends the cookies, so the API is what refuses the request.
      assert.ok(sent.cookie.includes(`${ACCESS}=`), label);
      assert.ok(sent.cookie.includes(`${REFRESH}=`), label);
      assert.equal(sent.origin, origin, label);
      assert.equal(sent.status, 401, label);
      await isLoggedIn(visitor);
    }
  });

  test("another origin cannot use a known CSRF value", async (t) => {
    const visitor = await logIn(t);
    const page = await visit(visitor.context, `http://127.0.0.1:${port}/`);
    // Ports do not separate cookies either.
    const csrf = visitor.login.csrf_access_token;
    assert.ok((await page.evaluate(() => document.cookie)).includes(csrf));

    const refusal = await page.evaluate(
      ({ url, csrf }) => {
        const headers = { "X-CSRF-TOKEN": csrf };
        return fetch(url, { method: "POST", credentials: "include", headers }).then(String, String);
      },
      { url: `${api}/logout`, csrf },
    );
    assert.match(refusal, /^TypeError/);
    await isLoggedIn(visitor);

    // The API also refuses this request without the browser's preflight.
    const cookies = (await visitor.context.cookies()).map(({ name, value }) => `${name}=${value}`);
    const forge = async (origin) => {
      const headers = { Cookie: cookies.join("; "), Origin: origin, "X-CSRF-TOKEN": csrf };
      const answer = await fetch(`${api}/logout`, { method: "POST", headers });
      return { status: answer.status, body: await answer.json() };
    };
    for (const origin of [`http://127.0.0.1:${port}`, "null"]) {
      isRefused(await forge(origin), "csrf_failed");
    }
    await isLoggedIn(visitor);
    assert.equal((await forge(api)).status, 200);
  });

  test("another origin cannot read answers to requests with cookies", async (t) => {
    const visitor = await logIn(t);
    const page = await visit(visitor.context, `http://127.0.0.1:${port}/`);
    for (const path of ["/protected", "/me", "/sessions"]) {
      const read = await page.evaluate(
        (url) => fetch(url, { credentials: "include" }).then(String, String),
        api + path,
      );
      assert.match(read, /^TypeError/, path);
    }
    await isLoggedIn(visitor);
  });

  test("a form of another site carries no cookies", async (t) => {
    const visitor = await logIn(t);
    // `localhost` is another site than 127.0.0.1.
    const page = await visit(visitor.context, `http://localhost:${port}/`);
    const sent = await sentBy(page, async (page, url) =>
      assert.equal((await submitForm(page, url)).error, "missing_token"),
    );
    assert.equal(sent.cookie, "");
    await isLoggedIn(visitor);
  });
});
