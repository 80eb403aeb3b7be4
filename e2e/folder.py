"""Writes one file of each format, with the libraries that people's programs use.

FILES, SITE, REPOSITORY and BUCKET name files with their facts: a writer, a subject, a
sentence or row with a number in it, a question whose answer is that number, and the
number before and after a change.
"""

import csv
import email.message
import email.policy
import io
import json
import mailbox
import pathlib
import tarfile
import zipfile
from xml.sax.saxutils import escape

import docx
import openpyxl
import pptx
from odf import opendocument, style, table as odftable, text as odftext, draw as odfdraw
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

PASSWORD = "Ostholm 1784"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def around(subject):
    """Sentences that stand before and after the one that is asked for."""
    return (f"This is kept by those who look after {subject}, and is read by everyone who is new there.",
            f"Whoever finds a mistake in what is said here about {subject} tells the harbour office, which mends it within the week.")


# -- documents of sentences: writer(path, title, paragraphs)

def pdf(path, title, paragraphs, encrypt=None):
    c = canvas.Canvas(str(path), pagesize=A4, encrypt=encrypt)
    c.setTitle(title)
    for number, text in enumerate(paragraphs, 1):  # a page each
        c.setFont("Helvetica-Bold", 20)
        c.drawString(72, 760, f"{title}, part {number}")
        lines = c.beginText(72, 720)
        lines.setFont("Helvetica", 11)
        words, line = text.split(), ""
        for w in words:
            if len(line) + len(w) > 70:
                lines.textLine(line)
                line = ""
            line = (line + " " + w).strip()
        lines.textLine(line)
        c.drawText(lines)
        c.drawString(290, 40, str(number))
        c.showPage()
    c.save()


def locked_pdf(path, title, paragraphs):
    pdf(path, title, paragraphs, StandardEncryption(PASSWORD, strength=128))


def picture(title, paragraphs):
    image = Image.new("L", (1654, 1100), 255)
    draw = ImageDraw.Draw(image)
    draw.text((120, 100), title, font=ImageFont.truetype(FONT, 56), fill=0)
    y = 240
    for text in paragraphs:
        line = ""
        for w in text.split() + [None]:
            if w is None or len(line) + len(w) > 62:
                draw.text((120, y), line, font=ImageFont.truetype(FONT, 36), fill=0)
                y, line = y + 56, ""
            line = (line + " " + (w or "")).strip()
        y += 40
    return image


def image(path, title, paragraphs):
    picture(title, paragraphs).save(path, dpi=(200, 200))


def scan(path, title, paragraphs):
    c = canvas.Canvas(str(path), pagesize=A4)
    for text in paragraphs:  # a page each
        c.drawImage(ImageReader(picture(title, [text])), 0, 445, 595, 396)
        c.showPage()
    c.save()


def word(path, title, paragraphs):
    d = docx.Document()
    d.add_heading(title, 1)
    for text in paragraphs:
        d.add_paragraph(text)
    d.save(path)


def slides(path, title, paragraphs):
    p = pptx.Presentation()
    for number, text in enumerate(paragraphs, 1):
        s = p.slides.add_slide(p.slide_layouts[1])
        s.shapes.title.text = f"{title}, part {number}"
        s.placeholders[1].text = text
    p.save(path)


def odt(path, title, paragraphs):
    d = opendocument.OpenDocumentText()
    d.text.addElement(odftext.H(outlinelevel=1, text=title))
    for text in paragraphs:
        d.text.addElement(odftext.P(text=text))
    d.save(path)


def odp(path, title, paragraphs):
    d = opendocument.OpenDocumentPresentation()
    layout = style.PageLayout(name="layout")
    d.automaticstyles.addElement(layout)
    master = style.MasterPage(name="master", pagelayoutname=layout)
    d.masterstyles.addElement(master)
    for number, text in enumerate(paragraphs, 1):
        page = odfdraw.Page(masterpagename=master, name=f"page{number}")
        for y, content in (("1cm", f"{title}, part {number}"), ("6cm", text)):
            frame = odfdraw.Frame(width="20cm", height="4cm", x="2cm", y=y)
            box = odfdraw.TextBox()
            box.addElement(odftext.P(text=content))
            frame.addElement(box)
            page.addElement(frame)
        d.presentation.addElement(page)
    d.save(path)


def xhtml(title, paragraphs):
    return (f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{escape(title)}</title></head><body><h1>{escape(title)}</h1>'
            + "".join(f"<p>{escape(p)}</p>" for p in paragraphs) + "</body></html>")


def epub(path, title, paragraphs):
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        z.writestr("META-INF/container.xml", '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
                   '<rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>')
        z.writestr("book.opf", '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
                   f'<dc:identifier id="id">urn:x:1</dc:identifier><dc:title>{escape(title)}</dc:title><dc:language>en</dc:language></metadata>'
                   '<manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine></package>')
        z.writestr("c.xhtml", xhtml(title, paragraphs))


def fb2(path, title, paragraphs):
    path.write_text('<?xml version="1.0" encoding="utf-8"?><FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><description><title-info>'
                    f"<book-title>{escape(title)}</book-title><lang>en</lang></title-info></description><body><section><title><p>{escape(title)}</p></title>"
                    + "".join(f"<p>{escape(p)}</p>" for p in paragraphs) + "</section></body></FictionBook>", "utf-8")


def rtf(path, title, paragraphs):
    path.write_text(r"{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}\b " + title + r"\b0\par " + "".join(p + r"\par " for p in paragraphs) + "}", "ascii")


def html(path, title, paragraphs):
    path.write_text("<!doctype html>" + xhtml(title, paragraphs), "utf-8")


def markdown(path, title, paragraphs):
    path.write_text(f"# {title}\n\n" + "\n\n".join(paragraphs) + "\n", "utf-8")


def rst(path, title, paragraphs):
    path.write_text(f"{title}\n{'=' * len(title)}\n\n" + "\n\n".join(paragraphs) + "\n", "utf-8")


def org(path, title, paragraphs):
    path.write_text(f"* {title}\n\n" + "\n\n".join(paragraphs) + "\n", "utf-8")


def plain(path, title, paragraphs):
    path.write_text("\n\n".join([title, *paragraphs]) + "\n", "utf-8")


def latin(path, title, paragraphs):
    path.write_bytes("\r\n\r\n".join([title, "Größe, Höhe und Länge stehen übrigens in Metern, wo nichts anderes gesagt wird.", *paragraphs]).encode("cp1252"))


def notebook(path, title, paragraphs):
    cell = lambda kind, source, **more: {"cell_type": kind, "metadata": {}, "source": source, **more}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "python"}}, "cells": [
        cell("markdown", "# " + title), *(cell("markdown", p) for p in paragraphs), cell("code", "print(1)", execution_count=1, outputs=[])]}), "utf-8")


def subtitles(path, title, paragraphs):
    separator, head = (".", "WEBVTT\n\n") if path.suffix == ".vtt" else (",", "")
    path.write_text(head + "\n".join(f"{n}\n00:00:{n * 4:02}{separator}000 --> 00:00:{n * 4 + 3:02}{separator}500\n{p}\n" for n, p in enumerate(paragraphs, 1)), "utf-8")


def message(title, paragraphs):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"], m["To"], m["Subject"], m["Date"] = "keeper@ostholm.example", "office@ostholm.example", title, "Thu, 05 Mar 2026 10:00:00 +0000"
    m["Message-ID"] = f"<{abs(hash(title))}@ostholm.example>"
    m.set_content("\n\n".join(paragraphs))
    return m


def mail(path, title, paragraphs):
    path.write_bytes(message(title, paragraphs).as_bytes())


def mbox(path, title, paragraphs):
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    box.add(message(title, paragraphs))
    box.add(message("Lunch", ["There is soup today, and bread."]))
    box.close()


def code(path, title, paragraphs):
    if path.suffix == ".go":
        path.write_text(f"// Package pump does the work. {title}\npackage pump\n\n" + "".join(f"// {p}\n" for p in paragraphs) + "func Run() {}\n", "utf-8")
    else:
        path.write_text(f'"""{title}"""\n\n\ndef run():\n    """' + "\n    ".join(paragraphs) + '"""\n    return 1\n', "utf-8")


def archive(path, title, paragraphs):
    text = (f"# {title}\n\n" + "\n\n".join(paragraphs) + "\n").encode()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("in/side.md", text)
    else:
        with tarfile.open(path, "w:gz") as t:
            info = tarfile.TarInfo("in/side.md")
            info.size = len(text)
            t.addfile(info, io.BytesIO(text))


# -- documents of rows: writer(path, title, rows), the first of which has the names

def workbook(path, title, rows):
    w = openpyxl.Workbook()
    w.active.title = title
    for r in rows:
        w.active.append(r)
    w.save(path)


def ods(path, title, rows):
    d = opendocument.OpenDocumentSpreadsheet()
    t = odftable.Table(name=title)
    for r in rows:
        row = odftable.TableRow()
        for value in r:
            cell = odftable.TableCell(valuetype="string")
            cell.addElement(odftext.P(text=str(value)))
            row.addElement(cell)
        t.addElement(row)
    d.spreadsheet.addElement(t)
    d.save(path)


def delimited(path, title, rows):
    with open(path, "w", newline="", encoding="utf-8") as f:
        csv.writer(f, delimiter="\t" if path.suffix == ".tsv" else ",").writerows(rows)


def records(path, title, rows):
    objects = [dict(zip(rows[0], r)) for r in rows[1:]]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(o) + "\n" for o in objects), "utf-8")
    elif path.suffix == ".xml":
        path.write_text(f'<?xml version="1.0"?><list><title>{escape(title)}</title>' + "".join(
            "<entry>" + "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in o.items()) + "</entry>" for o in objects) + "</list>", "utf-8")
    else:
        path.write_text(json.dumps({"title": title, "entries": objects}, indent=1), "utf-8")


# What each says: the name of the file; its writer; the subject, which is its title too;
# the sentence or the row; the question; the number before and after the change.
SENTENCES = {
    "report.pdf": (pdf, "the lighthouse", "The lamp of the lighthouse burns {} litres of oil in a winter night.", "How many litres of oil does the lamp of the lighthouse burn in a winter night?", 31, 47),
    "scan.pdf": (scan, "the breakwater", "The breakwater was lengthened by {} metres after the great storm.", "By how many metres was the breakwater lengthened after the great storm?", 118, 143),
    "locked.pdf": (locked_pdf, "the vault", "The vault of the bank holds {} bars of silver.", "How many bars of silver does the vault of the bank hold?", 264, 264),
    "letter.docx": (word, "the bakery", "The bakery delivers {} loaves to the hospital every Tuesday.", "How many loaves does the bakery deliver to the hospital every Tuesday?", 85, 92),
    "talk.pptx": (slides, "the observatory", "The telescope of the observatory weighs {} tonnes with its mount.", "How many tonnes does the telescope of the observatory weigh with its mount?", 14, 17),
    "minutes.odt": (odt, "the council", "The council voted to plant {} chestnut trees along the avenue.", "How many chestnut trees did the council vote to plant along the avenue?", 56, 73),
    "parade.odp": (odp, "the brass band", "The brass band rehearses with {} trumpets in the old barn.", "With how many trumpets does the brass band rehearse in the old barn?", 12, 15),
    "novel.epub": (epub, "the shipwreck", "From the shipwreck {} sailors reached the shore alive.", "How many sailors reached the shore alive from the shipwreck?", 38, 41),
    "tale.fb2": (fb2, "the miller", "The miller of the tale owned {} geese and a blind horse.", "How many geese did the miller of the tale own?", 19, 23),
    "memo.rtf": (rtf, "the tannery", "The tannery must filter {} cubic metres of waste water a day.", "How many cubic metres of waste water must the tannery filter a day?", 640, 715),
    "wiki.html": (html, "the cathedral", "The organ of the cathedral has {} pipes of tin.", "How many pipes of tin does the organ of the cathedral have?", 3120, 3350),
    "readme.md": (markdown, "the dredger", "The dredger lifts {} barrels of mud an hour.", "How many barrels of mud does the dredger lift an hour?", 410, 455),
    "guide.rst": (rst, "the vineyard", "Pickers of the vineyard harvest {} baskets of grapes before noon.", "How many baskets of grapes do pickers of the vineyard harvest before noon?", 77, 83),
    "notes.org": (org, "the apiary", "The apiary yielded {} jars of heather honey last summer.", "How many jars of heather honey did the apiary yield last summer?", 209, 236),
    "plain.txt": (plain, "the orchard", "In the orchard {} pear trees were grafted this spring.", "How many pear trees were grafted in the orchard this spring?", 29, 34),
    "latin.txt": (latin, "the quarry", "The quarry sells slabs of slate that are {} centimetres thick.", "How many centimetres thick are the slabs of slate that the quarry sells?", 6, 9),
    "analysis.ipynb": (notebook, "the tide gauge", "The tide gauge recorded {} floods above the red mark.", "How many floods above the red mark did the tide gauge record?", 27, 33),
    "interview.vtt": (subtitles, "the glassblower", "A glassblower needs {} breaths for a bottle of that size.", "How many breaths does a glassblower need for a bottle of that size?", 11, 13),
    "film.srt": (subtitles, "the stationmaster", "The stationmaster waved {} trains through the fog that night.", "How many trains did the stationmaster wave through the fog that night?", 22, 25),
    "letter.eml": (mail, "the ropewalk", "The ropewalk twists hawsers of {} fathoms in one piece.", "How many fathoms have the hawsers that the ropewalk twists in one piece?", 120, 135),
    "thread.mbox": (mbox, "the fish market", "The fish market auctions {} crates of herring before dawn.", "How many crates of herring does the fish market auction before dawn?", 930, 985),
    "engine.py": (code, "the steam engine", "The steam engine stops when the boiler is above {} bar.", "Above how many bar of the boiler does the steam engine stop?", 16, 18),
    "pump.go": (code, "the bilge pump", "The bilge pump starts again after {} seconds of rest.", "After how many seconds of rest does the bilge pump start again?", 45, 50),
    "sign.png": (image, "the ferry landing", "The ferry landing carries at most {} persons at a time.", "How many persons does the ferry landing carry at a time?", 160, 175),
    "fax.tiff": (image, "the shipyard", "The shipyard ordered {} oak planks for the new hull.", "How many oak planks did the shipyard order for the new hull?", 480, 525),
    "photo.jpg": (image, "the bell tower", "The bell tower is climbed by {} steps of granite.", "By how many steps of granite is the bell tower climbed?", 287, 299),
    "archive.zip": (archive, "the salt works", "The salt works rake {} sacks of coarse salt from each basin.", "How many sacks of coarse salt do the salt works rake from each basin?", 66, 71),
    "bundle.tar.gz": (archive, "the weaver", "The weaver threads {} warp ends through the large loom.", "How many warp ends does the weaver thread through the large loom?", 1840, 1910),
}
ROWS = {
    "prices.xlsx": (workbook, "Prices of the chandler", ("article", "crowns"), ("brass compass", "{}"), "How many crowns is the brass compass?", 412, 437),
    "stock.ods": (ods, "Stock of the cellar", ("wine", "bottles"), ("Silvaner", "{}"), "How many bottles of Silvaner are there?", 348, 361),
    "crew.csv": (delimited, "Crew", ("sailor", "voyages"), ("Ingeborg Thorsen", "{}"), "How many voyages has the sailor Ingeborg Thorsen?", 53, 58),
    "routes.tsv": (delimited, "Routes", ("route", "minutes"), ("Ostholm to Lindau", "{}"), "How many minutes takes the route Ostholm to Lindau?", 95, 105),
    "settings.json": (records, "Settings of the crane", ("name", "kilograms"), ("maximum load of the crane", "{}"), "How many kilograms is the maximum load of the crane?", 7400, 7900),
    "events.jsonl": (records, "Events", ("event", "visitors"), ("regatta", "{}"), "How many visitors had the regatta?", 5200, 5600),
    "catalogue.xml": (records, "Catalogue of the museum", ("exhibit", "guilders"), ("astrolabe", "{}"), "How many guilders for the astrolabe?", 2750, 2890),
}
FILES = {**SENTENCES, **ROWS}

# What the other places say.
SITE = {
    "ferry.html": (html, "the night ferry", "The night ferry has {} cabins with a porthole.", "How many cabins with a porthole has the night ferry?", 44, 52),
    "mill.html": (html, "the paper mill", "The paper mill employs {} people on the night shift.", "How many people does the paper mill employ on the night shift?", 37, 39),
    "crane.html": (html, "the floating crane", "The floating crane needs {} minutes to swing around.", "How many minutes does the floating crane need to swing around?", 8, 10),
}
REPOSITORY = {
    "docs/backup.md": (markdown, "the backup server", "The backup server keeps snapshots for {} days.", "For how many days does the backup server keep snapshots?", 365, 400),
    "docs/proxy.rst": (rst, "the reverse proxy", "The reverse proxy closes idle connections after {} seconds.", "After how many seconds does the reverse proxy close idle connections?", 75, 90),
    "src/retry.py": (code, "the retry loop", "The retry loop gives up after {} attempts in a row.", "After how many attempts in a row does the retry loop give up?", 7, 12),
}
BUCKET = {
    "contracts/lease.docx": (word, "the warehouse lease", "The warehouse lease may be ended with {} weeks of notice.", "With how many weeks of notice may the warehouse lease be ended?", 26, 30),
    "contracts/insurance.pdf": (pdf, "the cargo insurance", "The cargo insurance covers at most {} containers of a voyage.", "How many containers of a voyage does the cargo insurance cover at most?", 2200, 2400),
    "tariffs 2026/pilot.xlsx": (workbook, "Pilot", ("service", "kroner"), ("night pilotage", "{}"), "How many kroner is the service night pilotage?", 8650, 8990),
}


def write(path: pathlib.Path, fact, changed=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(fact) == 6:
        writer, subject, sentence, _, before, after = fact
        first, last = around(subject)
        writer(path, subject.removeprefix("the ").capitalize(), [first, sentence.format(after if changed else before), last])
    else:
        writer, title, names, row, _, before, after = fact
        others = [[f"another {names[0]} {word}", str(n)] for n, word in enumerate("of oak,of iron,of wool,of clay".split(","), 2)]
        writer(path, title, [list(names), *others[:2], [cell.format(after if changed else before) for cell in row], *others[2:]])


def question(fact):
    return fact[-3]


def answer(fact, changed=False):
    return str(fact[-1 if changed else -2])
