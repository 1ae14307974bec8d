// Exact decimals: a whole mantissa times a power of ten. Nothing here goes through a double but the one question that is
// about doubles.
const EXPONENT_MOST = 400;

export class Decimal {
  constructor(text) {
    const [, sign, whole, fraction = '', exponent = '0'] =
      /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
    this.text = text;
    this.comparable = Math.abs(Number(exponent)) <= EXPONENT_MOST;
    this.mantissa = BigInt(sign + whole + fraction);
    this.exponent = Number(exponent) - fraction.length;
  }

  // -1, 0, 1; both must be comparable.
  compare(other) {
    const least = Math.min(this.exponent, other.exponent);
    const a = this.mantissa * 10n ** BigInt(this.exponent - least);
    const b = other.mantissa * 10n ** BigInt(other.exponent - least);
    return a < b ? -1 : a > b ? 1 : 0;
  }

  // Mantissa without zeros at its end, and what it is then times a power of ten of.
  reduced() {
    let mantissa = this.mantissa, exponent = this.exponent;
    if (mantissa === 0n) return { mantissa, exponent: 0 };
    while (mantissa % 10n === 0n) {
      mantissa /= 10n;
      exponent++;
    }
    return { mantissa, exponent };
  }

  // One text a value.
  canonical() {
    const { mantissa, exponent } = this.reduced();
    return `${mantissa}e${exponent}`;
  }

  isInteger() {
    return this.reduced().exponent >= 0;
  }

  // The nearest double, written in its shortest form, is this very decimal.
  fitsDouble() {
    if (!this.comparable) return false;
    if (this.mantissa === 0n) return true;
    const double = Number(this.text);
    if (!Number.isFinite(double) || double === 0) return false;
    return new Decimal(String(double)).canonical() === this.canonical();
  }

  // Times 10^9 as a whole number, for counting; null where it is not above 0, has more than 9 decimals, or more than 38
  // digits in all, 9 of them kept for decimals.
  amount() {
    if (!this.comparable) return null;
    const { mantissa, exponent } = this.reduced();
    if (mantissa <= 0n || exponent < -9) return null;
    const scaled = mantissa * 10n ** BigInt(exponent + 9);
    return scaled < 10n ** 38n ? scaled : null;
  }
}
