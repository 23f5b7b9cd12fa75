// Reads a request per line of JSON and answers with a line of JSON: the result of `jose`.

import { createInterface } from "node:readline";
import { SignJWT, calculateJwkThumbprint, createRemoteJWKSet, importJWK, jwtVerify } from "jose";

const actions = {
  async verify({ token, jwksUri, jwk, ...options }) {
    const key = jwksUri ? createRemoteJWKSet(new URL(jwksUri)) : await importJWK(jwk);
    const { payload } = await jwtVerify(token, key, options);
    return payload;
  },

  async sign({ header, claims, jwk }) {
    return new SignJWT(claims).setProtectedHeader(header).sign(await importJWK(jwk));
  },

  async thumbprint({ jwk }) {
    return calculateJwkThumbprint(jwk);
  },
};

async function answer({ action, ...options }) {
  try {
    return { result: await actions[action](options) };
  } catch (error) {
    return { error: error.code ?? String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
