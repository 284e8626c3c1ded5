"""Is a file a video that can be read? Asked before anything is started for it."""

from __future__ import annotations

from pathlib import Path

from infra.errors import WatchfloorError

__all__ = ["check_video"]


def check_video(path: Path) -> None:
    """Raise WatchfloorError where the file is missing, or no frame of it can be decoded."""
    import av

    if not path.is_file():
        raise WatchfloorError(f"{path}: no such file", hint="Give the path of a video file.")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise WatchfloorError(f"{path}: has no video stream")
            next(container.decode(video=0))
    except (av.error.FFmpegError, StopIteration, EOFError) as error:
        reason = getattr(error, "strerror", None) or "no frame can be decoded"
        raise WatchfloorError(
            f"{path}: is no video that can be read ({reason})",
            hint="ffprobe says more about a file; MP4, MKV, AVI, MOV and WebM are read.",
        ) from None
