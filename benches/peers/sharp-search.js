// sharp-search.js IN OUT LIMIT: the largest quality under LIMIT bytes by binary search, as a bot's developer would write it.
const fs = require('fs');
const sharp = require('sharp');

sharp.concurrency(1);
sharp.cache(false);

(async () => {
  const [, , from, to, limit] = process.argv;
  const input = fs.readFileSync(from);
  let [low, high, best] = [1, 100, null];
  while (low <= high) {
    const quality = (low + high) >> 1;
    const bytes = await sharp(input, { limitInputPixels: false }).jpeg({ quality }).toBuffer();
    if (bytes.length <= Number(limit)) [best, low] = [bytes, quality + 1];
    else high = quality - 1;
  }
  fs.writeFileSync(to, best);
})();
