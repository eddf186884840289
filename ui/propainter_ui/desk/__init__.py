"""The matte desk: what the artist's hand and the matte page's buttons do to the drawn matte.

Here: tools on the picture (``hands.py``), what is drawn on and tracking (``desk.py``), the page's buttons
(``page_wishes.py``), the clone stamp (``stamper.py``), asking the backend for what a change lacks (``asking.py``), files
(``filing.py``), keeping it from one day to the next (``keeping.py``). Not here: the document (``matte/``), gestures as
geometry (``drawing/``), the page (``widgets/matte_page.py``), the backend (``bridge/matting.py``).
"""
