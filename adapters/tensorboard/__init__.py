"""TensorBoard event files <-> crossboard records: `reading` reads them (start at `reading.source`), `writer` writes them.

Format: tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto, framed as TFRecord (`store.framing`); what
each plugin keeps in its tensors: tensorboard/plugins/<plugin>/metadata.py. Nothing here needs TensorBoard, TensorFlow or a
protocol buffer runtime. What reading carries stands in `reading`.

Carried when writing: scalars, histograms, images, audio, text, PR curves, meshes, tensors, graphs, embeddings (as files of the
projector), hyperparameters, layouts of custom scalars.
Changed: scalars are rounded to float32 (unless a tag is written as double), boxes are drawn into their image, WebP becomes PNG,
a figure becomes the picture of it, TensorBoard takes every text for Markdown, mean and deviation of a histogram are gone.
Left out, and counted by `EventFileWriter.left_out`: tables, confusion matrices, MP4 and WebM videos, figures without a picture,
tensors of dtypes that TensorFlow does not have; masks and captions of images; NaN in histograms; thresholds that are not even.
"""
