"""What every request passes on its way in: plain ASGI, so that bodies and streams are never gathered in memory."""
