// Answers each line of JSON with a line of JSON: what `jose` does with a token or a key.

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

async function answer({ action, ...question }) {
  try {
    return { result: await actions[action](question) };
  } catch (error) {
    return { error: error.code ?? String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
