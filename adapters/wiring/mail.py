"""How mail is wired."""

import adapters.http.outbox
import projections.mail
from adapters.capability import Capability
from adapters.egress.mail import tell_written
from application.bus import OneStream
from application.mail import REACTION, SEND, SendMail
from domain.mail import MAIL, RequeueMail

CAPABILITY = Capability(
    name="mail",
    deciders=(MAIL,),
    handlers=lambda _: {RequeueMail: OneStream(MAIL, lambda command: command.mail)},
    projections=(projections.mail.PROJECTION,),
    reactions=(REACTION,),
    effects=lambda services: {SEND: SendMail(services.mailer, tell_written)},
    operations=adapters.http.outbox.OPERATIONS,
)
