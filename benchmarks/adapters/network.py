"""A network alone in ONNX Runtime: a peer's shape with random weights, for its latency only."""

import argparse
from importlib.metadata import version

from protocol import Adapter, serve, timed


class Network(Adapter):
    def __init__(self, file):
        self.file = file

    def load(self, live=False):
        import numpy as np
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.file, options, providers=["CPUExecutionProvider"])
        self.random = np.random.default_rng(0)
        return {"versions": {"onnxruntime": version("onnxruntime")}}

    def network(self, batch, repeats):
        (into,) = self.session.get_inputs()
        faces = self.random.standard_normal((batch, *into.shape[1:])).astype("float32")
        return timed(lambda: self.session.run(None, {into.name: faces}), repeats)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    serve(Network(parser.parse_args().file))
