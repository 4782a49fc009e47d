"""The cases of `document/`: Office old and new, PDF, text, and what the platform refuses."""

import io
import struct
import zipfile

TYPE = "document.type"
EXTENSION = "document.extension"


def add(cases):
    add = cases.folder("document")
    accepted(add)
    texts(add)
    refused(add)
    misnamed(add)


def accepted(add):
    add("fit", "one-page", ".pdf", pdf(), format="pdf")
    add("fit", "letter", ".docx", ooxml("docx"), format="docx")
    add("fit", "table", ".xlsx", ooxml("xlsx"), format="xlsx")
    add("fit", "slide", ".pptx", ooxml("pptx"), format="pptx")
    add("fit", "streamed", ".docx", ooxml("docx", streamed=True), format="docx")
    add("fit", "types-last", ".xlsx", ooxml("xlsx", types_last=True), format="xlsx")
    add("fit", "letter", ".doc", cfb("WordDocument", struct.pack("<HHH", 0xA5EC, 193, 0), "1Table"), format="doc")
    add("fit", "table", ".xls", cfb("Workbook", struct.pack("<HHHHHHII", 0x809, 16, 0x600, 5, 0, 0, 0, 0) + struct.pack("<HH", 10, 0)), format="xls")
    add("fit", "table-95", ".xls", cfb("Book", struct.pack("<HHHHHH", 0x809, 8, 0x500, 5, 0, 0) + struct.pack("<HH", 10, 0)), format="xls")
    add("fit", "slide", ".ppt", cfb("PowerPoint Document", struct.pack("<HHI", 0xF, 1000, 0), "Current User"), format="ppt")


def texts(add):
    words = "Grüße, 你好, שלום\nA second line.\n"
    add("fit", "utf-8", ".txt", words.encode(), format="text")
    add("fit", "utf-8-mark", ".txt", b"\xef\xbb\xbf" + words.encode(), format="text")
    add("fit", "ascii", ".txt", b"plain words\r\n", format="text")
    add("fit", "one-letter", ".txt", b"a", format="text")
    table = "name;town\nZoë;Köln\nJosé;Ávila\n".encode()
    for what, ext, data in (("table", "csv", table), ("object", "json", b'{"a": [1, 2, 3]}\n'), ("notes", "md", "# Notes\n\n* Größe\n".encode())):
        add("fit", what, f".{ext}", data, format="text", rules=EXTENSION)
    add("unfit", "utf-16", ".txt", b"\xff\xfe" + words.encode("utf-16-le"), format="utf-16", rules=TYPE, fixable=False)
    add("unfit", "latin-1", ".txt", "Grüße aus Köln, schöne Größe\n".encode("latin-1"), format="binary", rules=TYPE, fixable=False)
    page = "<!DOCTYPE html>\n<html lang=\"de\"><head><title>Grüße</title></head><body><p>Grüße</p></body></html>\n"
    add("unfit", "page", ".html", page.encode(), format="html", rules=TYPE)
    add("unfit", "page-after-comment", ".htm", ("<!-- saved -->\n" + page).encode(), format="html", rules=TYPE)


def refused(add):
    def case(what, ext, data, format):
        add("unfit", what, f".{ext}", data, format=format, rules=TYPE, fixable=False)

    for kind, name in (("odt", "text"), ("ods", "spreadsheet"), ("odp", "presentation")):
        case("open-document", kind, typed_zip(f"application/vnd.oasis.opendocument.{name}", "content.xml"), kind)
    case("book", "epub", typed_zip("application/epub+zip", "META-INF/container.xml"), "epub")
    case("archive", "zip", archive([("a.txt", "a\n"), ("b/c.txt", "c\n")]), "zip")
    case("empty-archive", "zip", archive([]), "zip")
    case("word-folder-only", "zip", archive([("words/document.xml", "<a/>")]), "zip")
    case("mail", "msg", cfb("__properties_version1.0", b"\0" * 32, "__substg1.0_0037001F"), "cfb")
    case("zeros", "bin", b"\0" * 4096, "binary")
    case("bytes", "bin", bytes(i * 73 + 41 & 255 for i in range(1024)), "binary")
    add("broken", "empty", ".txt", b"", format="empty", rules="any.empty")
    add("broken", "empty", ".pdf", b"", format="empty", rules="any.empty")


def misnamed(add):
    add("fit", "pdf-inside", ".txt", pdf(), format="pdf", rules=EXTENSION)
    add("fit", "docx-inside", ".zip", ooxml("docx"), format="docx", rules=EXTENSION)
    add("fit", "pdf-without-extension", "", pdf(), format="pdf", rules=EXTENSION, about="")
    add("fit", "ünïcode 名前 (1)", ".pdf", pdf(), format="pdf")
    add("fit", "upper-case", ".PDF", pdf(), format="pdf")


def pdf():
    stream = b"BT /F1 24 Tf 20 60 Td (A page) Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 120]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + table + b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(out)


class OneWay(io.BytesIO):
    """A stream that cannot seek: zip entries then carry their sizes behind the data."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise OSError

    def tell(self):
        raise OSError


def archive(entries, stored=(), streamed=False):
    out = OneWay() if streamed else io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, text in entries:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            file.writestr(info, text)
    return out.getvalue()


def typed_zip(mime, content):
    return archive([("mimetype", mime), (content, '<?xml version="1.0"?><content/>'), ("META-INF/manifest.xml", "<manifest/>")], stored=("mimetype",))


XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "application/vnd.openxmlformats-officedocument."
PARTS = {
    "docx": ("word/document.xml", "wordprocessingml.document.main",
             '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>A letter</w:t></w:r></w:p></w:body></w:document>'),
    "xlsx": ("xl/workbook.xml", "spreadsheetml.sheet.main",
             '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
             f'xmlns:r="{OFFICE}"><sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>'),
    "pptx": ("ppt/presentation.xml", "presentationml.presentation.main",
             '<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"><p:notesSz cx="1" cy="1"/></p:presentation>'),
}
SHEET = "xl/worksheets/sheet1.xml"


def ooxml(kind, streamed=False, types_last=False):
    part, name, body = PARTS[kind]
    overrides = f'<Override PartName="/{part}" ContentType="{MAIN}{name}+xml"/>'
    entries = [("_rels/.rels", XML + f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="{part}"/></Relationships>'),
               (part, XML + body)]
    if kind == "xlsx":
        overrides += f'<Override PartName="/{SHEET}" ContentType="{MAIN}spreadsheetml.worksheet+xml"/>'
        entries += [
            ("xl/_rels/workbook.xml.rels", XML + f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'),
            (SHEET, XML + '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1"><v>42</v></c></row></sheetData></worksheet>'),
        ]
    types = ("[Content_Types].xml", XML + f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
             f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>')
    return archive(entries + [types] if types_last else [types] + entries, streamed=streamed)


SECTOR = 512
FREE, CHAIN_END, TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def cfb(name, content, *others):
    """A compound file (version 3) with a main stream of 4096 bytes, the least that has sectors of its own, and empty streams."""
    content = content.ljust(4096, b"\0")
    count = len(content) // SECTOR
    chains = [TABLE, CHAIN_END] + list(range(3, 2 + count)) + [CHAIN_END]
    allocation = struct.pack("<128I", *chains + [FREE] * (128 - len(chains)))
    head = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, CHAIN_END, 0, CHAIN_END, 0) + struct.pack("<109I", 0, *[FREE] * 108)

    def entry(label, kind, start, size, child=FREE, right=FREE):
        encoded = label.encode("utf-16-le") + b"\0\0" if label else b""
        return (encoded.ljust(64, b"\0") + struct.pack("<HBBIII", len(encoded), kind, 1, FREE, right, child)
                + b"\0" * 36 + struct.pack("<IQ", start, size))

    # Siblings are a chain to the right, shortest name first, as the format sorts them.
    streams = sorted([(name, 2, len(content))] + [(other, CHAIN_END, 0) for other in others], key=lambda stream: (len(stream[0]), stream[0].upper()))
    entries = [entry("Root Entry", 5, CHAIN_END, 0, child=1)]
    for i, (label, start, size) in enumerate(streams, 1):
        entries.append(entry(label, 2, start, size, right=i + 1 if i < len(streams) else FREE))
    entries += [entry("", 0, 0, 0)] * (4 - len(entries))
    return head + allocation + b"".join(entries) + content
