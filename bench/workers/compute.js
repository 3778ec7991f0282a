// Four kinds of computing, each answering with a number that both runtimes must agree on. What they work on is made once, at start-up.

let state = 1;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state;
}

const RECORDS = JSON.stringify(
  Array.from({ length: 760 }, (_, id) => ({ id, name: `record ${random()}`, tags: ["a", "b", "c"], price: random() / 1000, seen: true, note: "a short text, “quoted”\n" })),
);
const NUMBERS = Float64Array.from({ length: 100_000 }, random);
const PAGE = Array.from(
  { length: 60 },
  (_, at) =>
    `## Chapter ${at}\n\nA paragraph with *emphasis*, **weight**, \`code\` and a [link](https://example.com/${at}). ` +
    `It goes on for a while, as paragraphs do, & has <angles>.\n\n- one item\n- another item with **weight**\n- a third\n\n\`\`\`\nlet x = ${at};\n\`\`\`\n`,
).join("\n");

const JOBS = {
  // Parse 100 KB of JSON and look at every record.
  json() {
    let sum = 0;
    for (const record of JSON.parse(RECORDS)) {
      sum += record.id + record.tags.length + record.name.length;
    }
    return sum;
  },

  // Sort 100,000 numbers with a comparison function.
  sort() {
    const numbers = Array.from(NUMBERS).sort((a, b) => a - b);
    return numbers[0] + numbers[50_000] + numbers[99_999];
  },

  // FNV-1a over a million bytes.
  hash() {
    let hash = 0x811c9dc5;
    for (let at = 0; at < 1_000_000; at += 1) {
      hash = Math.imul(hash ^ (at & 0xff), 0x01000193);
    }
    return hash >>> 0;
  },

  // Render a page of Markdown to HTML.
  markdown: () => render(PAGE).length,
};

export default {
  fetch(request) {
    const job = JOBS[new URL(request.url).pathname.slice(1)];
    return new Response(`${job()}\n`);
  },
};

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text) => text.replace(/[&<>"]/g, (character) => ESCAPES[character]);

/** A small Markdown: headings, paragraphs, lists, fenced code, emphasis, links. */
function render(text) {
  const html = [];
  let list = false;
  let fence = null;
  for (const line of text.split("\n")) {
    if (fence !== null) {
      if (line === "```") {
        html.push(`<pre><code>${escape(fence.join("\n"))}</code></pre>`);
        fence = null;
      } else {
        fence.push(line);
      }
      continue;
    }
    const item = line.startsWith("- ");
    if (list !== item) {
      html.push(item ? "<ul>" : "</ul>");
      list = item;
    }
    const heading = /^(#{1,6}) (.*)$/.exec(line);
    if (line === "```") {
      fence = [];
    } else if (heading) {
      html.push(`<h${heading[1].length}>${inline(heading[2])}</h${heading[1].length}>`);
    } else if (item) {
      html.push(`<li>${inline(line.slice(2))}</li>`);
    } else if (line) {
      html.push(`<p>${inline(line)}</p>`);
    }
  }
  return html.join("\n");
}

function inline(text) {
  return escape(text)
    .replace(/`([^`]+)`/g, "<code>$1</code>")
    .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>")
    .replace(/\*([^*]+)\*/g, "<em>$1</em>")
    .replace(/\[([^\]]+)\]\(([^)]+)\)/g, '<a href="$2">$1</a>');
}
