"""Made the files beside it, once, with the ffmpeg of imageio-ffmpeg (libmp3lame, libvorbis, libopus, libx264, libvpx).

    python tests/media_files/make_media_files.py DIRECTORY

Sounds: half a second of 440 Hz, two channels at 22,050 Hz (Opus: 48,000 Hz). Videos: 12 frames of 32 x 24 pixels at 8 a second.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

TONE = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=22050:duration=0.5", "-ac", "2"]
CLIP = ["-f", "lavfi", "-i", "testsrc=size=32x24:rate=8:duration=1.5", "-pix_fmt", "yuv420p"]
EXACT = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"]
FILES = {
    "tone.mp3": [*TONE, "-b:a", "32k"],
    "tone_without_count.mp3": [*TONE, "-b:a", "32k", "-write_xing", "0", "-id3v2_version", "3", "-metadata", "title=tone"],
    "tone_vorbis.ogg": [*TONE, "-c:a", "libvorbis", "-q:a", "0"],
    "tone_opus.ogg": [*TONE, "-c:a", "libopus", "-b:a", "16k"],
    "tone_flac.ogg": [*TONE, "-c:a", "flac", "-ac", "1", "-t", "0.1"],
    "tone.flac": [*TONE, "-ac", "1", "-t", "0.1"],
    "clip.mp4": [*CLIP, "-c:v", "libx264", "-crf", "40"],
    "clip_fragmented.mp4": [*CLIP, "-c:v", "libx264", "-crf", "40", "-movflags", "frag_keyframe+empty_moov"],
    "clip.webm": [*CLIP, "-c:v", "libvpx", "-b:v", "10k"],
    "clip_live.webm": [*CLIP, "-c:v", "libvpx", "-b:v", "10k", "-live", "1"],
    "sound_only.m4a": [*TONE, "-c:a", "aac", "-b:a", "16k", "-t", "0.1"],
}


def main(directory: Path) -> None:
    ffmpeg = importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    for name, arguments in FILES.items():
        exact = EXACT if "-metadata" not in arguments else EXACT[:-2]
        subprocess.run(
            [ffmpeg, "-v", "error", "-y", *arguments, *exact, str(directory / name)],
            check=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
