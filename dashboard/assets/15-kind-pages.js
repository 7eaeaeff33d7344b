/* The pages of kinds: which there are, of which kinds each is, and what stands on it when nothing was logged.

   {page, title, kinds, noun, key, icon, code}: `page` is its name in the URL (page=images), `noun` what one thing on it is called, `key` the
   letter that opens it after G, `code` how such a thing is logged. */
(root => {
  'use strict';
  const crossboard = root.crossboard = root.crossboard || {};

  const PAGES = [
    {page: 'images', title: 'Images', kinds: ['image', 'video'], noun: 'image', key: 'I', code: ['run.log({"samples": cb.Image(array)}, step=step)', 'run.log({"clip": cb.Video(frames, fps=8)}, step=step)']},
    {page: 'text', title: 'Text', kinds: ['text'], noun: 'text', key: 'X', code: ['run.log({"answer": cb.Text("**bold** or plain")}, step=step)']},
    {page: 'tables', title: 'Tables', kinds: ['table'], noun: 'table', key: 'T', code: ['run.log({"predictions": cb.Table(dataframe)}, step=step)']},
    {page: 'audio', title: 'Audio', kinds: ['audio'], noun: 'sound', key: 'A', code: ['run.log({"speech": cb.Audio(samples, sample_rate=16000)}, step=step)']},
    {page: 'curves', title: 'Curves', kinds: ['pr_curve', 'confusion_matrix'], noun: 'curve', key: 'U', code: ['run.log({"val/pr": cb.PRCurve(truth, scores)}, step=step)', 'run.log({"val/confusion": cb.ConfusionMatrix(truth, predicted)}, step=step)']},
    {page: 'figures', title: 'Figures', kinds: ['figure'], noun: 'figure', key: 'F', code: ['run.log({"fit": cb.Figure(figure)}, step=step)   # Plotly or matplotlib']},
    {page: 'points', title: 'Embeddings', kinds: ['embedding', 'mesh'], noun: 'cloud of points', key: 'E', code: ['run.log({"features": cb.Embedding(vectors, metadata=labels)}, step=step)', 'run.log({"shape": cb.Mesh(vertices, faces=faces)}, step=step)']},
    {page: 'tensors', title: 'Tensors', kinds: ['tensor'], noun: 'tensor', key: 'N', code: ['run.log({"attention": cb.Tensor(array)}, step=step)']},
  ];
  const byName = new Map(PAGES.map(one => [one.page, one]));

  crossboard.kindPages = {all: PAGES, of: page => byName.get(page) || null};
})(typeof window === 'undefined' ? globalThis : window);
