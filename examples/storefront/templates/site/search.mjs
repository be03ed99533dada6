/** Searches the index that was built with the site: adds up the weights of each word's documents. */
export function createSearch(index) {
  return (text, limit) => {
    const scores = new Map();
    for (const term of text.toLowerCase().match(/[a-z0-9]{2,}/g) ?? []) {
      const postings = Object.hasOwn(index.postings, term) ? index.postings[term] : [];
      for (let at = 0; at < postings.length; at += 2) {
        scores.set(postings[at], (scores.get(postings[at]) ?? 0) + postings[at + 1]);
      }
    }
    const best = [...scores].sort(([a, x], [b, y]) => y - x || a - b).slice(0, limit);
    return best.map(([document]) => ({ sku: index.skus[document], title: index.titles[document] }));
  };
}
