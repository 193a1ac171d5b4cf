"""fer, the documented way: ``Video.analyze`` with nothing drawn or saved but the rows."""

import argparse
import os
import sys
import tempfile
from importlib.metadata import version

from protocol import Adapter, serve, timed

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""


class Fer(Adapter):
    def __init__(self, mtcnn):
        self.mtcnn = mtcnn

    def load(self, live=False):
        if self.mtcnn:
            import torchvision  # noqa: F401 - after TensorFlow, torch 2.14 ends the process

        from fer.fer import FER  # the README's `from fer import FER` fails in this version

        self.fer = FER(mtcnn=self.mtcnn)
        names = ("fer", "tensorflow-cpu", "opencv-contrib-python", "numpy")
        return {"versions": {name: version(name) for name in (*names, *(("torch",) if self.mtcnn else ()))}}

    def clip(self, path):
        from fer.classes import Video

        with tempfile.TemporaryDirectory() as scratch:
            video = Video(path, outdir=scratch, first_face_only=False)
            rows = video.analyze(
                self.fer, output="pandas", save_frames=False, save_video=False, annotate_frames=False, zip_images=False
            )
        # Frames without a face have no row.
        boxes = [name for name in rows.columns if name.startswith("box")]
        return video.frameCount, len(rows), int(rows[boxes].notna().sum().sum()) if boxes else 0

    def read(self, image):
        return len(self.fer.detect_emotions(image))

    def network(self, batch, repeats):
        import numpy as np
        import tensorflow as tf
        from pkg_resources import resource_filename

        # A session of its own, so that one thread is one thread. It takes a face at a time, whatever the batch.
        model = resource_filename("fer", "data/emotion_model_quantized.tflite")
        interpreter = tf.lite.Interpreter(model_path=model, num_threads=1)
        interpreter.allocate_tensors()
        (into,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
        face = np.random.default_rng(0).uniform(-1, 1, into["shape"]).astype(np.float32)

        def run():
            for _ in range(batch):
                interpreter.set_tensor(into["index"], face)
                interpreter.invoke()
                interpreter.get_tensor(out["index"])

        return timed(run, repeats)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--mtcnn", action="store_true")
    given = parser.parse_args()
    del sys.argv[1:]
    serve(Fer(given.mtcnn))
