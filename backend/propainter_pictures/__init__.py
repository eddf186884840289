"""Plates, mattes, clean plates and results as files: the one reader and writer of pictures.

Who reads pictures: the commands, the daemon's clients, the panel, the headless host. Not here: what is done with them; no
torch, no sockets, no Qt. From the street inwards:

    results.py                   open_sink: where results go
    plates.py                    open_source: what a path means, frames by number
    images.py  video.py          one picture, one video, every channel in its own type
    video_writing.py             a video as like the one it comes from as its format allows
    stored.py  jpeg.py           a picture file as it lies on disk
    video_facts.py video_index.py video_color.py   a video's clock and notes, its frames, its numbers
    mattes.py  finite.py         what a frame's pixels say
    frame.py   names.py          a frame and its channels; numbers in file names
    pairing.py whole_files.py    frames that belong together; files that appear only when whole
    orientation.py               turned and mirrored pictures
    color.py   formats.py        the working range; which formats hold what
    sample.py                    the sample shot that comes along
    frame_range.py  errors.py  console.py  header_text.py

Libraries that decode are loaded by ``stored.py`` (OpenImageIO) and the files about video (PyAV) alone: what lies
below costs a panel nothing but numpy.
"""
