"""Drawing: numbers as SVG and HTML text, for pages, reports and widgets. Pure."""
