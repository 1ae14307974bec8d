// Numbers from a seed (sfc32), and choices made with them.
export class Random {
  constructor(seed, stream = 0) {
    this.state = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, stream >>> 0, 1];
    for (let i = 0; i < 15; i++) this.next();
  }

  next() {
    let [a, b, c, d] = this.state;
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    this.state = [a, b, c, d];
    return sum >>> 0;
  }

  below(count) {
    return this.next() % count;
  }
  between(least, most) {
    return least + this.below(most - least + 1);
  }
  chance(probability) {
    return this.next() < probability * 2 ** 32;
  }
  pick(list) {
    return list[this.below(list.length)];
  }
  // Some of a list, at least one, each once.
  some(list, most = list.length) {
    const left = [...list], taken = [];
    for (let count = this.between(1, Math.min(most, list.length)); count > 0; count--) {
      taken.push(...left.splice(this.below(left.length), 1));
    }
    return taken;
  }
  // A choice of [weight, value] rows.
  weighted(rows) {
    let at = this.below(rows.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of rows) {
      if (at < weight) return value;
      at -= weight;
    }
    throw new Error('no weight');
  }
}
