"""Where frames come from: cameras, streams, video files, pictures and the bundled demo."""

from mimik.sources.ahead import ahead
from mimik.sources.camera import Camera
from mimik.sources.demo import Demo
from mimik.sources.network import NetworkStream
from mimik.sources.opening import expand_inputs, is_camera_number, open_source
from mimik.sources.pacing import Paced
from mimik.sources.pictures import Pictures, is_picture, list_folder, read_picture
from mimik.sources.video import VideoFile

__all__ = [
    "Camera",
    "Demo",
    "NetworkStream",
    "Paced",
    "Pictures",
    "VideoFile",
    "ahead",
    "expand_inputs",
    "is_camera_number",
    "is_picture",
    "list_folder",
    "open_source",
    "read_picture",
]
