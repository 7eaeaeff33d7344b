/* Markdown as elements, never as HTML: what a run logged is text, and tags in it stay text.

   Understood: headings, paragraphs, lists (nested by two spaces or more), task boxes, quotes, rules, fenced and inline code, tables, bold, italic, struck, links to http, https
   and mailto. Images are told as a link, since nothing is loaded from elsewhere. `parse` is pure: text -> tree of
   {type, ...}; `nodes` makes elements of it. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};
  const DEPTH = 8, SAFE = /^(https?:\/\/|mailto:)/i;

  /** Inline marks of one piece of text -> [{type: text|code|strong|em|del|a|br, ...}]. */
  function inline(text, depth = 0) {
    const out = [], plain = t => { if (!t) return; const last = out[out.length - 1]; if (last && last.type === 'text') last.text += t; else out.push({type: 'text', text: t}); };
    if (depth > DEPTH) { plain(text); return out; }
    let rest = text;
    while (rest) {
      let m;
      if ((m = /^\\([\\`*_{}[\]()#+\-.!~|<>])/.exec(rest))) plain(m[1]);
      else if ((m = /^(`+)([\s\S]*?[^`])\1(?!`)/.exec(rest))) out.push({type: 'code', text: m[2].replace(/^ (.*) $/, '$1')});
      else if ((m = /^!?\[([^\]]*)\]\(\s*<?([^\s()>]*(?:\([^\s()]*\)[^\s()>]*)*)>?(?:\s+["'][^)]*["'])?\s*\)/.exec(rest))) {
        const inside = m[0][0] === '!' ? [{type: 'text', text: m[1] || m[2]}] : inline(m[1], depth + 1);
        if (SAFE.test(m[2])) out.push({type: 'a', href: m[2], children: inside}); else inside.forEach(one => one.type === 'text' ? plain(one.text) : out.push(one));
      }
      else if ((m = /^<(https?:\/\/[^\s>]+)>/i.exec(rest)) || (m = /^(https?:\/\/[^\s<>()"']+[^\s<>()"'.,;:!?])/i.exec(rest))) out.push({type: 'a', href: m[1], children: [{type: 'text', text: m[1]}]});
      else if ((m = /^(\*\*|__)(?=\S)([\s\S]*?\S)\1/.exec(rest))) out.push({type: 'strong', children: inline(m[2], depth + 1)});
      else if ((m = /^\*(?=\S)([\s\S]*?\S)\*(?!\*)/.exec(rest)) || (!/\w$/.test(text.slice(0, text.length - rest.length)) && (m = /^_(?=\S)([\s\S]*?\S)_(?!\w)/.exec(rest)))) out.push({type: 'em', children: inline(m[1], depth + 1)});
      else if ((m = /^~~(?=\S)([\s\S]*?\S)~~/.exec(rest))) out.push({type: 'del', children: inline(m[1], depth + 1)});
      else if ((m = /^(?: {2,}|\\)\n/.exec(rest))) out.push({type: 'br'});
      else { m = /^[\s\S][^\\`*_!\[<~h \n]*/.exec(rest); plain(m[0]); }
      rest = rest.slice(m[0].length);
    }
    return out;
  }

  const cells = line => line.trim().replace(/^\|/, '').replace(/\|$/, '').split(/(?<!\\)\|/).map(cell => inline(cell.trim().replaceAll('\\|', '|')));
  const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/, RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/, FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+-]*)/, BORDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

  /** Text -> [{type: heading|p|list|quote|code|table|hr, ...}]. */
  function parse(text, depth = 0) {
    const lines = String(text).replace(/\r\n?/g, '\n').split('\n'), out = [];
    if (depth > DEPTH) return [{type: 'p', children: [{type: 'text', text: String(text)}]}];
    let i = 0;
    while (i < lines.length) {
      const line = lines[i];
      let m;
      if (!line.trim()) { i++; continue; }
      if ((m = FENCE.exec(line))) {
        const mark = m[1], inside = [];
        i++;
        while (i < lines.length && !(lines[i].trim().startsWith(mark) && !lines[i].trim().slice(mark.length).replaceAll(mark[0], '').trim())) inside.push(lines[i++]);
        i++;
        out.push({type: 'code', language: m[2], text: inside.join('\n')});
        continue;
      }
      if ((m = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line))) { out.push({type: 'heading', level: m[1].length, children: inline(m[2])}); i++; continue; }
      if (RULE.test(line)) { out.push({type: 'hr'}); i++; continue; }
      if (/^ {0,3}>/.test(line)) {
        const inside = [];
        while (i < lines.length && (/^ {0,3}>/.test(lines[i]))) inside.push(lines[i++].replace(/^ {0,3}> ?/, ''));
        out.push({type: 'quote', children: parse(inside.join('\n'), depth + 1)});
        continue;
      }
      if (line.includes('|') && i + 1 < lines.length && lines[i + 1].includes('-') && BORDER.test(lines[i + 1])) {
        const head = cells(line), rows = [], align = lines[i + 1].trim().replace(/^\||\|$/g, '').split('|').map(one => /:\s*$/.test(one.trim()) ? 'right' : '');
        i += 2;
        while (i < lines.length && lines[i].includes('|') && lines[i].trim()) rows.push(cells(lines[i++]));
        out.push({type: 'table', head, rows, align});
        continue;
      }
      if ((m = ITEM.exec(line))) {
        const indent = m[1].length, ordered = /\d/.test(m[2]), items = [];
        while (i < lines.length && (m = ITEM.exec(lines[i])) && m[1].length <= indent + 1 && m[1].length >= indent && /\d/.test(m[2]) === ordered) {
          const inside = [m[3]], deep = m[1].length + 2;
          i++;
          while (i < lines.length && (/^\s+\S/.test(lines[i]) ? lines[i].search(/\S/) >= deep : !lines[i].trim() && i + 1 < lines.length && lines[i + 1].search(/\S/) >= deep)) inside.push(lines[i++].slice(deep));
          const task = /^\[([ xX])\]\s+/.exec(inside[0]);
          if (task) inside[0] = inside[0].slice(task[0].length);
          items.push({done: task ? task[1] !== ' ' : null, children: parse(inside.join('\n'), depth + 1)});
        }
        out.push({type: 'list', ordered, items});
        continue;
      }
      const inside = [line];
      i++;
      while (i < lines.length && lines[i].trim() && !FENCE.test(lines[i]) && !/^ {0,3}(#{1,6}\s|>)/.test(lines[i]) && !RULE.test(lines[i]) && !ITEM.test(lines[i])) inside.push(lines[i++]);
      out.push({type: 'p', children: inline(inside.join('\n').trim())});
    }
    return out;
  }

  function element(one) {
    const {h} = crossboard, all = list => list.map(element);
    switch (one.type) {
      case 'text': return document.createTextNode(one.text);
      case 'code': return one.language === undefined ? h('code', {}, one.text) : h('pre.md', {tabindex: '0', 'aria-label': 'code'}, h('code', {}, one.text));
      case 'br': return h('br');
      case 'a': return h('a', {href: one.href, target: '_blank', rel: 'noopener noreferrer nofollow'}, all(one.children));
      case 'strong': case 'em': case 'del': return h(one.type, {}, all(one.children));
      case 'heading': return h(`h${Math.min(6, one.level + 2)}`, {}, all(one.children));
      case 'hr': return h('hr');
      case 'quote': return h('blockquote', {}, all(one.children));
      case 'list': return h(one.ordered ? 'ol' : 'ul', {}, one.items.map(item => h(`li${item.done === null ? '' : '.task'}`, {}, item.done === null ? null : h('span.box', {'aria-label': item.done ? 'done' : 'open', role: 'img'}, item.done ? '☑ ' : '☐ '),
        item.children.length === 1 && item.children[0].type === 'p' ? all(item.children[0].children) : all(item.children))));
      case 'table': return h('div.wide', {tabindex: '0', role: 'region', 'aria-label': 'table'}, h('table.t', {}, h('thead', {}, h('tr', {}, one.head.map((cell, i) => h(one.align[i] ? 'th.num' : 'th', {}, all(cell))))), h('tbody', {}, one.rows.map(row => h('tr', {}, one.head.map((_, i) => h(one.align[i] ? 'td.num' : 'td', {}, all(row[i] || []))))))));
      default: return h('p', {}, all(one.children));
    }
  }

  crossboard.markdown = {parse, inline, nodes: text => parse(text).map(element)};
})(typeof window === 'undefined' ? globalThis : window);
