from panoramisk.utils import CaseInsensitiveDict

class Message(CaseInsensitiveDict):
    success: bool
