"""Makes the PDF and DOCX files of testdata/samples.

    python3 -m venv .cache/samples && .cache/samples/bin/pip install reportlab==4.4.4 python-docx==1.2.0
    .cache/samples/bin/python tools/samples/make_samples.py testdata/samples

The texts are our own. The product they describe does not exist.
"""
import sys
from pathlib import Path

from docx import Document
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

MANUAL = [
    ("h1", "Kestrel K2 heat pump: operating manual"),
    ("p", "This manual is for the owner of a Kestrel K2 air-to-water heat pump. It explains daily operation, "
          "the settings of the controller, and what to do when the unit shows an error code. Installation and "
          "work on the refrigerant circuit are reserved for certified technicians."),
    ("h2", "1 How the unit works"),
    ("p", "The outdoor unit takes heat from the air and raises it to a higher temperature with a compressor. The "
          "indoor unit passes this heat to the water of the heating system. For each kilowatt hour of "
          "electricity the unit delivers between three and five kilowatt hours of heat, depending on the "
          "outdoor temperature and on the temperature of the water."),
    ("p", "The K2 works down to an outdoor temperature of minus 22 degrees Celsius. Below minus 15 degrees the "
          "electric backup heater may support the compressor."),
    ("h2", "2 Flow temperature"),
    ("p", "The flow temperature is the temperature of the water that leaves the indoor unit. Set it as low as the "
          "house allows: each degree less saves about 2.5 percent of electricity. Floor heating works well with "
          "30 to 35 degrees Celsius; radiators usually need 45 to 55 degrees."),
    ("p", "The controller follows a heating curve. It raises the flow temperature when the outdoor temperature "
          "falls. If rooms are too cold only on very cold days, raise the slope of the curve by one step. If they "
          "are too cold all the time, raise the level of the curve instead."),
    ("break", ""),
    ("h2", "3 Hot water"),
    ("p", "The tank is heated to 48 degrees Celsius by default. Once a week, on Sunday at 02:00, the unit heats the "
          "tank to 62 degrees for 30 minutes to kill legionella bacteria. Do not switch this programme off if the "
          "tank holds more than 400 litres or serves more than one household."),
    ("h2", "4 Defrosting"),
    ("p", "In damp air between minus 5 and plus 5 degrees Celsius, ice forms on the outdoor coil. The unit melts it by "
          "reversing its circuit for three to eight minutes. Steam and dripping water are normal during this time. "
          "Keep the drain under the outdoor unit free of leaves and snow."),
    ("h2", "5 Noise"),
    ("p", "At night the unit can run in quiet mode, which limits the fan to 60 percent of its speed. Quiet mode "
          "lowers the sound level at three metres from 45 to 38 decibels and reduces the heating power by about a quarter."),
    ("break", ""),
    ("h2", "6 Error codes"),
    ("p", "The display shows a letter and two digits. Note the code before you reset the unit: the log keeps only "
          "the last twenty codes."),
    ("table", [["Code", "Meaning", "What to do"],
               ["E04", "Flow sensor: too little water", "Bleed the radiators and clean the filter of the indoor unit"],
               ["E11", "Outdoor sensor interrupted", "Call a technician; the unit goes on with a fixed curve"],
               ["E23", "High pressure switch opened", "Open all valves; reset once; call a technician if it returns"],
               ["F07", "Communication between indoor and outdoor unit lost", "Switch both breakers off for five minutes"],
               ["L02", "Legionella programme not completed", "Check the backup heater's breaker"]]),
    ("p", "A reset is made by holding the OK key for eight seconds. After three resets within one hour the controller "
          "locks the compressor for two hours to protect it."),
    ("h2", "7 Care"),
    ("p", "Clean the coil of the outdoor unit with a soft brush once a year. Check the pressure of the heating system "
          "every three months: it should be between 1.2 and 1.8 bar when the system is cold."),
]


def manual(path: Path) -> None:
    styles = getSampleStyleSheet()
    names = {"h1": "Title", "h2": "Heading2", "p": "BodyText"}
    story = []
    for kind, text in MANUAL:
        if kind == "break":
            story.append(PageBreak())
        elif kind == "table":
            rows = [[Paragraph(cell, styles["BodyText"]) for cell in row] for row in text]
            table = Table(rows, colWidths=[18 * mm, 62 * mm, 90 * mm])
            table.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 0.5, "grey"), ("VALIGN", (0, 0), (-1, -1), "TOP")]))
            story += [table, Spacer(1, 4 * mm)]
        else:
            story.append(Paragraph(text, styles[names[kind]]))

    def frame(canvas, doc):
        canvas.saveState()
        canvas.setFont("Helvetica", 8)
        canvas.drawString(20 * mm, 287 * mm, "Kestrel K2 operating manual, edition 4")
        canvas.drawRightString(190 * mm, 10 * mm, f"Page {doc.page}")
        canvas.restoreState()

    SimpleDocTemplate(str(path), pagesize=A4, title="Kestrel K2 heat pump: operating manual", author="Kestrel Heating",
                      invariant=1).build(story, onFirstPage=frame, onLaterPages=frame)


def contract(path: Path) -> None:
    d = Document()
    d.core_properties.title = "Kestrel service agreement"
    d.core_properties.author = "Kestrel Heating"
    d.add_heading("Kestrel service agreement", 0)
    d.add_paragraph("This agreement covers the yearly maintenance and the repair of one Kestrel heat pump.")
    d.add_heading("1 Services included", 1)
    for item in ["One maintenance visit each year, between April and September.",
                 "Repair of all faults that are not caused by misuse, frost or lightning.",
                 "Spare parts for ten years after the unit was put into operation.",
                 "A telephone line for faults, staffed every day from 07:00 to 21:00."]:
        d.add_paragraph(item, style="List Bullet")
    d.add_heading("2 Response times", 1)
    d.add_paragraph("The time runs from the customer's call to the arrival of a technician.")
    rows = [("Fault", "Basic plan", "Comfort plan"),
            ("No heating while it freezes outdoors", "24 hours", "8 hours"),
            ("No hot water", "48 hours", "24 hours"),
            ("Any other fault", "5 working days", "3 working days")]
    table = d.add_table(rows=0, cols=3)
    table.style = "Table Grid"
    for row in rows:
        cells = table.add_row().cells
        for cell, text in zip(cells, row):
            cell.text = text
    d.add_heading("3 Price", 1)
    d.add_paragraph("The basic plan costs 180 euros a year, the comfort plan 290 euros. Prices may rise once a year by at "
                    "most three percent; the customer is told two months before.")
    d.add_heading("4 Ending the agreement", 1)
    d.add_paragraph("Either side may end the agreement in writing with three months' notice to the end of a year. The customer may "
                    "end it at once if a response time is missed three times within twelve months.")
    d.add_heading("4.1 What happens to prepaid fees", 2)
    d.add_paragraph("Fees paid in advance for months after the end are returned within thirty days.")
    d.save(str(path))


if __name__ == "__main__":
    out = Path(sys.argv[1])
    manual(out / "kestrel-k2-manual.pdf")
    contract(out / "service-agreement.docx")
