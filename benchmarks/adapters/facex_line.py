"""facex, the documented way: a pool, asked for one picture after the other."""

import os
from importlib.metadata import version

from protocol import Adapter, serve, timed

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""


class Facex(Adapter):
    def load(self, live=False):
        import facex

        self.pool = facex.PoolManager(pool_size=1)
        names = ("facex", "tensorflow-cpu", "opencv-contrib-python", "numpy")
        return {"versions": {name: version(name) for name in names}}

    def clip(self, path):
        import cv2

        capture, found = cv2.VideoCapture(path), []
        while True:
            good, frame = capture.read()
            if not good:
                return len(found), sum(1 for count in found if count), sum(found)
            found.append(self.read(frame))

    def read(self, image):
        return len(self.pool.predict(image))

    def network(self, batch, repeats):
        import numpy as np
        import tensorflow as tf

        interpreter = tf.lite.Interpreter(model_path=self.pool.model_path, num_threads=1)
        interpreter.allocate_tensors()
        (into,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
        face = np.random.default_rng(0).uniform(0, 1, into["shape"]).astype(np.float32)

        def run():
            for _ in range(batch):
                interpreter.set_tensor(into["index"], face)
                interpreter.invoke()
                interpreter.get_tensor(out["index"])

        return timed(run, repeats)


if __name__ == "__main__":
    serve(Facex())
