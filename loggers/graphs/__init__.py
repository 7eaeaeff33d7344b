"""Model graphs: from what any framework calls a model to the one form that the store keeps. Start reading at `capture`.

`build` holds a graph while it is made, `vocabulary` the names of operations, `flops` what an operation costs. One module for
each way in: a torch module that is called once (`torch_call`), torch.export and FX (`torch_fx`), TorchScript (`torch_script`),
Keras on any backend (`keras_model`), TensorFlow functions and GraphDefs (`tensorflow_graph`).
"""
