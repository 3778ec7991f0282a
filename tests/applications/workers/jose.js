// One program of tests/applications: jose, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import * as jose from "jose";
const secret = new TextEncoder().encode("a-secret-of-thirty-two-bytes-yes");
const jwk = { kty: "oct", k: jose.base64url.encode(secret) };
const ec = { kty: "EC", crv: "P-256", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI" };
const tests = {
  async sign() {
    return new jose.SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "HS256" }).setIssuedAt(17e8).setExpirationTime(4e9).setIssuer("me").sign(secret);
  },
  async verify() {
    return (await jose.jwtVerify(await tests.sign(), secret, { issuer: "me" })).payload;
  },
  async wrongIssuer() {
    return jose.jwtVerify(await tests.sign(), secret, { issuer: "you" });
  },
  async wrongSignature() {
    return jose.jwtVerify(`${(await tests.sign()).slice(0, -4)}AAAA`, secret);
  },
  async expired() {
    return jose.jwtVerify(await new jose.SignJWT({}).setProtectedHeader({ alg: "HS256" }).setExpirationTime(1).sign(secret), secret);
  },
  async malformed() {
    return jose.jwtVerify("a.b", secret);
  },
  async es256() {
    const key = await jose.importJWK(ec, "ES256");
    const { d, ...pub } = ec;
    const token = await new jose.SignJWT({ a: 1 }).setProtectedHeader({ alg: "ES256" }).sign(key);
    return (await jose.jwtVerify(token, await jose.importJWK(pub, "ES256"))).payload;
  },
  async thumbprint() {
    return jose.calculateJwkThumbprint(ec);
  },
  async encrypt() {
    const token = await new jose.CompactEncrypt(new TextEncoder().encode("hidden")).setProtectedHeader({ alg: "dir", enc: "A256GCM" }).encrypt(secret);
    return new TextDecoder().decode((await jose.compactDecrypt(token, secret)).plaintext);
  },
  async keys() {
    const set = jose.createLocalJWKSet({ keys: [{ ...jwk, alg: "HS256", kid: "1" }] });
    const token = await new jose.SignJWT({ k: 1 }).setProtectedHeader({ alg: "HS256", kid: "1" }).sign(secret);
    return (await jose.jwtVerify(token, set)).payload;
  },
  async decode() {
    return [jose.decodeJwt(await tests.sign()), jose.decodeProtectedHeader(await tests.sign())];
  },
  async generate() {
    const { publicKey } = await jose.generateKeyPair("ES256", { extractable: true });
    return Object.keys(await jose.exportJWK(publicKey)).sort();
  }
};
var jose_default = { async fetch(request) {
  const name = new URL(request.url).pathname.slice(1);
  try {
    return Response.json(await tests[name]());
  } catch (error) {
    return Response.json({ name: error.name, code: error.code, message: error.message }, { status: 400 });
  }
} };
export {
  jose_default as default
};
