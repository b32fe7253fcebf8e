// Stands in for kitx inside pop-core when bundling: the three functions that pop-core calls. The nonce
// is always given by our caller, as kitx makes it of 40 random bits: this one is only never the same.
const { createHmac, randomUUID } = require("node:crypto");

module.exports = {
  /** @param {number} number */
  pad2: (number) => String(number).padStart(2, "0"),
  makeNonce: () => randomUUID(),
  /** @param {string} text @param {string} key @param {import("node:crypto").BinaryToTextEncoding} encoding */
  sha1: (text, key, encoding) => createHmac("sha1", key).update(text).digest(encoding),
};
