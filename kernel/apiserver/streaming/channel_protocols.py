"""The protocols of channels over a WebSocket, as they differ from one another.

Browsers can't send what Go's clients do, so that there is a form in text: the number of the channel
as a digit, then base64. What has no version is older than the fourth, in which a conversation's
outcome became a Status. Source: k8s.io/apimachinery's wsstream, and kubelets' remotecommand.
"""

import base64
import binascii

import msgspec


class ChannelProtocol(msgspec.Struct, frozen=True):
    """`is_text`: messages are text. `has_status`: the outcome is told as a Status, else a failure
    alone, in words. `can_close`: a client may say that a channel has ended."""

    is_text: bool = False
    has_status: bool = True
    can_close: bool = False

    def message(self, channel: int, data: bytes) -> bytes:
        """What is sent for some data of a channel."""
        if self.is_text:
            return b"%d%b" % (channel, base64.b64encode(data))
        return bytes((channel,)) + data

    def parts(self, message: bytes) -> tuple[int, bytes] | None:
        """The channel and the data of what was received; None where it is no message."""
        if not message:
            return None
        if not self.is_text:
            return message[0], message[1:]
        try:
            return int(message[:1]), base64.b64decode(message[1:], validate=True)
        except (ValueError, binascii.Error):
            return None


V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"

CHANNEL_PROTOCOLS = {
    V5: ChannelProtocol(can_close=True),
    V4: ChannelProtocol(),
    "v4.base64.channel.k8s.io": ChannelProtocol(is_text=True),
    "channel.k8s.io": ChannelProtocol(has_status=False),
    "base64.channel.k8s.io": ChannelProtocol(is_text=True, has_status=False),
    "": ChannelProtocol(has_status=False),
}
"""By the name that is agreed on; a client that names none gets the oldest."""
