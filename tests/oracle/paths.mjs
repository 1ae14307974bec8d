// Paths of conditions, scopes and costs: "args.items[*].price", "grant.label".
export function parsePath(text) {
  const root = /^(args|tool|server|class|grant\.label|grant\.tags|session\.id|client\.name|time\.hour|time\.weekday)(?=$|[.[])/
    .exec(text)[0];
  const steps = [];
  const step = /\.([^.[\]"]+)|\[(\d+)\]|(\[\*\])|(\[\])|\[("(?:[^"\\]|\\.)*")\]/gy;
  step.lastIndex = root.length;
  while (step.lastIndex < text.length) {
    const [, member, index, each, eachOrSelf, quoted] = step.exec(text);
    if (member !== undefined) steps.push({ member });
    else if (quoted !== undefined) steps.push({ member: JSON.parse(quoted) });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else steps.push({ each, eachOrSelf });
  }
  return { root, steps };
}
