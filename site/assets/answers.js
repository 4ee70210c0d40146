// Tells a reader who types an answer what `check` of emlib would tell: the same right answers,
// tolerances and hints, which the build has put beside each question.
globalThis.EmAnswers = (() => {
  const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
  const WORDS = { inf: Infinity, infinity: Infinity, "∞": Infinity, nan: NaN };

  // Every printable character turned by 47 places; a second turn gives it back.
  const turned = (text) =>
    text.replace(/[!-~]/g, (c) => String.fromCharCode(33 + ((c.charCodeAt(0) + 14) % 94)));

  function number(token) {
    if (token.endsWith("%")) return number(token.slice(0, -1)) / 100;
    const [sign, word] = /^([+-]?)(.*)$/.exec(token.toLowerCase()).slice(1);
    if (word in WORDS) return sign === "-" ? -WORDS[word] : WORDS[word];
    const parts = token.split("/");
    if (parts.length > 2 || !parts.every((part) => NUMBER.test(part))) return undefined;
    return parts.map(Number).reduce((above, below) => above / below);
  }

  // Without what says "about", and without the full stop of a sentence.
  const bare = (text) =>
    text
      .trim()
      .replace(/(^|[\s,;[(])[≈~]\s*/g, "$1")
      .replace(/\.$/, "")
      .trim();

  const plainly = (text) =>
    text.replaceAll("−", "-").replace(/\s*([/,;])\s*/g, "$1").replace(/\s+%/g, "%").trim();

  // What stands between commas, semicolons and spaces, and whether there were brackets around all.
  function tokens(text) {
    const plain = plainly(text);
    const [, inside] = /^[[(]\s*(.*?)\s*[\])]$/.exec(plain) ?? [];
    return {
      parts: (inside ?? plain).split(/[,;\s]+/).filter(Boolean),
      inBrackets: inside !== undefined,
    };
  }

  // What was typed: a number, or a list with or without brackets; undefined if it is neither.
  function parse(text) {
    const { parts, inBrackets } = tokens(text);
    const numbers = parts.map(number);
    if (!numbers.length || numbers.includes(undefined)) return undefined;
    return { numbers, form: !inBrackets && numbers.length === 1 ? 0 : 1 };
  }

  // How to write numbers that were typed with decimal commas, as "0,733; 0,4"; undefined if none were.
  function withPoints(text) {
    const plain = text.replaceAll("−", "-").replace(/^[\s[(]+|[\s\])]+$/g, "");
    if (!/^[+-]?\d+,\d+(?:[;\s]+[+-]?\d+,\d+)+$/.test(plain)) return undefined;
    return plain.replaceAll(",", ".").split(/[;\s]+/).join(", ");
  }

  // A single number that was typed with a decimal comma, with its point; undefined if it was not.
  function withPoint(text) {
    const pair = /^\(?([+-]?\d+),(\d+)\)?$/.exec(plainly(text));
    return pair ? `${pair[1]}.${pair[2]}` : undefined;
  }

  // The numbers, where "1,250" and "1 250" have become 1250: what has three digits goes to what
  // precedes it, if that is a whole number. Undefined if there is none such.
  function withThousands(text) {
    const { parts } = tokens(text);
    const joined = [];
    for (const token of parts) {
      const last = joined.at(-1) ?? "";
      if (/^\d{3}(\.\d*)?$/.test(token) && /^[+-]?[1-9]\d{0,2}(,\d{3})*$/.test(last)) {
        joined[joined.length - 1] = `${last},${token}`;
      } else joined.push(token);
    }
    if (joined.length === parts.length) return undefined;
    return joined.map((token) => number(token.replaceAll(",", "")));
  }

  const close = (given, value, rtol, atol) =>
    given === value || (Number.isFinite(value) && Math.abs(given - value) <= atol + rtol * Math.abs(value));

  // Half to even, as NumPy rounds.
  function round(value, digits) {
    const scaled = value * 10 ** digits;
    const up = Math.round(scaled);
    return (Math.abs(scaled % 1) === 0.5 && up % 2 ? up - 1 : up) / 10 ** digits;
  }

  // Whether the number is the other with fewer digits, and within five per cent.
  function isRounded(given, value) {
    if (!Number.isFinite(given) || !Number.isFinite(value)) return false;
    if (Math.abs(given - value) > 0.05 * Math.abs(value)) return false;
    return [0, 1, 2, 3, 4, 5, 6, 7].some((d) => close(given, round(value, d), 1e-9, 0));
  }

  // Whether the number is the other's digits, with those behind about so many decimals left out.
  const isCut = (given, value, decimals) =>
    [-1, 0, 1, 2].some((more) => {
      // With a digit too few it must still be near.
      if (more < 0 && Math.abs(given - value) > 0.05 * Math.abs(value)) return false;
      const scale = 10 ** (decimals + more);
      return close(given, Math.trunc(value * scale) / scale, 1e-9, 0);
    });

  const describe = ({ numbers, form }, words) =>
    form ? words.list.replace("{length}", numbers.length) : words.one;

  // The data of an exercise, from the text in which the build has put it.
  function reveal(text) {
    const exercise = JSON.parse(turned(text));
    for (const value of [exercise.answer, ...exercise.mistakes]) {
      value.numbers = value.numbers.map(number);
    }
    return exercise;
  }

  // The verdict on what was typed, {right, message}, as Exercise.grade comes to it.
  function grade(typed, { answer, mistakes, hint, rtol, atol, digits, decimals, words }) {
    const text = bare(typed);
    const no = (message) => ({ right: false, message });
    const notYet = (said) => no(words.notYet.replace("{hint}", said));
    if (!text) return no(words.open);

    const near = (a, b) => close(a, b, rtol, atol);
    // What to say if the numbers are known once their thousands are joined; undefined if not.
    const joined = withThousands(text);
    const isJoined = ({ form, numbers }) =>
      form === answer.form &&
      numbers.length === joined?.length &&
      numbers.every((value, i) => near(joined[i], value));
    const thousands = [answer, ...mistakes].some(isJoined)
      ? words.thousands.replace("{numbers}", joined.map((n) => Number(n.toPrecision(12))).join(", "))
      : undefined;

    const separated = withPoints(text);
    if (separated) return no(thousands ?? words.points.replace("{numbers}", separated));
    const given = parse(text);
    if (!given) return no(words.text);
    const all = (same, value) => given.numbers.every((a, i) => same(a, value.numbers[i]));
    const alike = (value) =>
      value.form === given.form && value.numbers.length === given.numbers.length;
    const foreseen = (same) => mistakes.find((wrong) => alike(wrong) && all(same, wrong))?.hint;

    if (answer.form === 0 && given.numbers.length === 1) given.form = 0;
    if (alike(answer) && all(near, answer)) return { right: true, message: words.right };
    const known = foreseen(near);
    if (known) return notYet(known);
    if (!alike(answer)) {
      if (thousands) return no(thousands);
      const decimal = answer.form === 0 ? withPoint(text) : undefined;
      if (decimal) return no(words.point.replace("{number}", decimal));
      const form = words.form.replace("{given}", describe(given, words));
      return no(form.replace("{wanted}", describe(answer, words)));
    }
    if (!given.numbers.every(Number.isFinite)) return no(words.notFinite);
    if (all(isRounded, answer)) return notYet(words.fewerDigits.replace("{digits}", digits));
    // A number below the tolerance is near only to what is within five per cent of it.
    const nearShare = (a, b) =>
      close(a, b, rtol, Math.abs(b) > atol ? atol : 0.05 * Math.abs(b));
    const perCent = (a, b) =>
      near(a, b) || (Math.abs(b) <= 1 && (nearShare(a / 100, b) || isRounded(a / 100, b)));
    if (all(perCent, answer)) return notYet(words.perCent);
    const likely = foreseen(isRounded);
    if (likely) return notYet(likely);
    const cut = given.numbers.every((a, i) => {
      const value = answer.numbers[i];
      return near(a, value) || isCut(a, value, decimals[i]);
    });
    return notYet(cut ? words.cut.replace("{digits}", digits) : hint);
  }

  return { grade, reveal };
})();
