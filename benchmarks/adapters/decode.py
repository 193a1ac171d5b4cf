"""Decoding alone: OpenCV's reader, and PyAV as Mimik uses it (luma only), with nothing behind them."""

import argparse
from importlib.metadata import version

from protocol import Adapter, serve


class OpenCv(Adapter):
    def load(self, live=False):
        import cv2

        return {"versions": {"opencv": cv2.__version__}}

    def clip(self, path):
        import cv2

        capture, frames = cv2.VideoCapture(path), 0
        while capture.read()[0]:
            frames += 1
        return frames, 0, 0


class PyAv(Adapter):
    def load(self, live=False):
        import mimik.sources  # noqa: F401

        return {"versions": {"av": version("av")}}

    def clip(self, path):
        from mimik.sources import VideoFile

        return sum(1 for frame in VideoFile(path) if frame.pixels.size), 0, 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("reader", choices=["opencv", "pyav"])
    serve(OpenCv() if parser.parse_args().reader == "opencv" else PyAv())
