// Stands in for node:assert inside pop-core when bundling: the real one opens the standard streams to
// ask for their colours as it loads, which costs a cold start several milliseconds.
/** @param {unknown} value @param {string} message */
module.exports = (value, message) => {
  if (!value) throw new Error(message);
};
