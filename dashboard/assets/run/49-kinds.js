/* The kinds that a run has none of, each with the line that logs one; where TensorBoard and Visdom bring it, that too. */
(root => {
  'use strict';
  const crossboard = root.crossboard, {fill, h, icon, parts} = crossboard;
  const HOW = {
    image: ['Images', 'run.log({"samples": cb.Image(pixels)}, step=step)', 'Arrays, tensors, PIL and matplotlib; boxes and masks on top.'],
    histogram: ['Histograms', 'run.watch(model, every=100)', 'Weights, gradients and activations of every layer; or one by cb.Histogram(values).'],
    text: ['Text', 'run.log({"report": cb.Text("**done**")}, step=step)', 'Plain, Markdown or HTML, which stays in a frame without rights.'],
    table: ['Tables', 'run.log({"errors": cb.Table(dataframe)}, step=step)', 'pandas, polars, Arrow or rows; images and sounds in cells.'],
    figure: ['Figures', 'run.log({"roc": figure}, step=step)', 'Plotly and matplotlib figures as they are.'],
    graph: ['Graph', 'run.log_graph(model, batch)', 'The model with shapes, parameters and FLOPs.'],
    audio: ['Audio', 'run.log({"speech": cb.Audio(samples, sample_rate=16000)}, step=step)', 'Arrays or files, played at the chosen step.'],
    video: ['Video', 'run.log({"rollout": cb.Video(frames, fps=20)}, step=step)', 'Frames or files.'],
    pr_curve: ['PR curves', 'run.log({"pr": cb.PRCurve(labels, scores)}, step=step)', 'Precision and recall at every threshold.'],
    confusion_matrix: ['Confusion', 'run.log({"confusion": cb.ConfusionMatrix(truth, guess)}, step=step)', 'Counts and rates by class.'],
    embedding: ['Embeddings', 'run.log({"features": cb.Embedding(vectors)}, step=step)', 'Vectors as their first components, with labels and pictures.'],
    mesh: ['Meshes', 'run.log({"shape": cb.Mesh(vertices, faces)}, step=step)', 'Meshes and point clouds.'],
    tensor: ['Tensors', 'run.log({"attention": cb.Tensor(array)}, step=step)', 'Any array: statistics and slices.'],
  };

  function code(text) { return h('div.howrow', {}, h('code.how', {}, text), parts.copyButton('Copy', () => text, {class: 'lk', 'aria-label': `Copy ${text}`})); }

  /** What an empty tab of a kind says. */
  function teach(kind, run) {
    const [name, how, more] = HOW[kind];
    return h('div.msg.page', {}, icon('grid'), h('b', {}, `No ${name === 'Text' || name === 'Audio' || name === 'Video' ? name.toLowerCase() : name.replace(/^(PR)|^./, (m, pr) => pr || m.toLowerCase())} in this run`), h('p', {}, run && run.source !== 'native' ? `${run.source === 'tensorboard' ? 'TensorBoard' : 'Its tool'} wrote none. In a run that crossboard logs:` : more), code(how));
  }

  function show(body, details, run, fresh) {
    const missing = crossboard.run.missing();
    if (!fresh && body.dataset.missing === missing.join()) return;
    body.dataset.missing = missing.join();
    fill(body, missing.length ? [h('p.rule', {}, 'What this run has none of, and the line that logs it (', h('code', {}, 'import crossboard as cb'), '). A tab comes by itself with the first point.'), h('div.sys', {}, missing.map(kind => { const [name, how, more] = HOW[kind]; return h('section.card.kindcard', {'aria-label': name}, parts.panel(name, '', h('p.dim', {}, more), code(how))); }))]
      : h('div.msg.page', {}, icon('check'), h('b', {}, 'Every kind is here')));
  }

  crossboard.runKinds = {HOW, teach};
  crossboard.runTabs.more = {show};
})(window);
