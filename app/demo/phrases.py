"""Phrases: what is written about calls, in mails and in meetings of an agency, with places for names and numbers."""

from random import Random
from typing import Final, NamedTuple

from app.demo.people import Client


class Topic(NamedTuple):
    """Something that is talked about: a subject, what was said, its labels, and how positive it is, in tenths."""

    subject: str
    summary: str
    topics: tuple[str, ...]
    mood: int = 0


CAMPAIGNS: Final = ("spring campaign", "summer campaign", "back-to-school push", "Black Friday campaign", "holiday campaign",
                    "employer branding campaign", "loyalty programme", "product launch")  # fmt: skip

GOOD: Final = (
    Topic(
        "Results of the {campaign}",
        "Walked {contact} through the numbers: {percent} percent more leads than planned at a "
        "lower cost per lead. They will show our slides to their board and want the same set-up next quarter.",
        ("reporting", "results"),
        5,
    ),
    Topic(
        "Creative for the {campaign}",
        "{contact} signed off route B on the spot. The headline stays, the packshot moves to the "
        "first frame. Production can start on Monday.",
        ("creative", "approval"),
        4,
    ),
    Topic(
        "Referral",
        "{contact} mentioned us to a sister company and asked whether we have room for an introduction in "
        "{month}. Sent two dates.",
        ("growth", "advocacy"),
        6,
    ),
    Topic(
        "Relaunch went live",
        "The new site went live without a hitch. Load time is down by {percent} percent, and {contact} "
        "thanked the developers by name.",
        ("website", "delivery"),
        6,
    ),
    Topic(
        "Planning the next quarter",
        "Worked through the roadmap together. Priorities: the {campaign}, fresh product pages, "
        "and a test budget for video. {contact} sees us as part of the team.",
        ("planning",),
        4,
    ),
)
PLAIN: Final = (
    Topic(
        "Weekly status",
        "Went through the open tickets. Landing page copy is with {contact} for approval, media plan for the "
        "{campaign} follows by Thursday. No blockers.",
        ("status",),
        1,
    ),
    Topic(
        "Feedback on the {campaign} drafts",
        "{contact} sent comments on eleven pages of the draft. Mostly wording; the legal "
        "footer has to change. Second round agreed for next week.",
        ("creative", "feedback"),
        0,
    ),
    Topic(
        "Invoice question",
        "{contact} asked why the photo retouching is a line of its own. Explained, and sent the signed "
        "quote again. Settled.",
        ("billing",),
        0,
    ),
    Topic(
        "Media budget for {month}",
        "{contact} wants to move {percent} percent of the budget from search to social for the "
        "{campaign}. Agreed to a two-week test and a checkpoint.",
        ("media", "budget"),
        1,
    ),
    Topic(
        "Access to analytics",
        "Their new web analyst needs access to the dashboards. Granted read rights, explained how the "
        "conversion goals are counted.",
        ("analytics",),
        1,
    ),
    Topic(
        "Hand-in of product texts",
        "Forty product texts arrived, six are missing. {contact} will send the rest by Friday; "
        "the editors start with what is there.",
        ("content",),
        0,
    ),
    Topic(
        "Brand guidelines",
        "They are updating their typeface. Asked for the files early, so that templates and the newsletter "
        "can be changed together.",
        ("brand",),
        0,
    ),
    Topic(
        "Newsletter timing",
        "Moved the mailing to Tuesday morning at the client's wish. Opening rates are compared after three issues.",
        ("crm",),
        1,
    ),
)
BAD: Final = (
    Topic(
        "Late delivery of the {campaign} assets",
        "{contact} is annoyed: the banners came two days late and the publisher "
        "charged for the change. Apologised, offered to take over the fee, and agreed on a buffer for the next flight.",
        ("delivery", "complaint"),
        -5,
    ),
    Topic(
        "Doubts about the results",
        "Leads are {percent} percent below plan. {contact} asked openly what the retainer is still "
        "good for. Promised an analysis with three measures by the end of the week.",
        ("results", "risk"),
        -6,
    ),
    Topic(
        "Budget freeze",
        "Their finance department froze discretionary spending until further notice. {contact} tries to keep "
        "the retainer out of it, but could not promise.",
        ("budget", "risk"),
        -5,
    ),
    Topic(
        "New contact, many questions",
        "The new person in charge wants to see three offers next year. Showed what we achieved "
        "together; the meeting stayed cool.",
        ("procurement", "risk"),
        -4,
    ),
    Topic(
        "Wrong price in an advert",
        "An advert ran with last year's price for half a day. Taken down within the hour, root "
        "cause found, second pair of eyes added. {contact} wants it in writing.",
        ("quality", "complaint"),
        -6,
    ),
)
REVIEW: Final = (
    Topic(
        "Quarterly business review",
        "Reviewed the quarter against the goals: reach, qualified leads and cost per order. "
        "Agreed on three priorities: the {campaign}, better landing pages, and fewer but longer films. Next review in three "
        "months.",
        ("qbr", "planning"),
        3,
    ),
    Topic(
        "Quarterly business review",
        "Showed how the {campaign} paid off and where it did not. {contact} wants to see margins "
        "beside leads from now on. Decided to cut two channels and to put the money into search.",
        ("qbr", "results"),
        2,
    ),
    Topic(
        "Quarterly business review",
        "Half of the board attended. The mood was good after the last launch; asked for a view on "
        "the next three years. We bring a proposal.",
        ("qbr", "growth"),
        4,
    ),
)
RENEWAL: Final = (
    Topic(
        "Renewal of the contract",
        "Presented what was delivered in the term, and the proposal for the next one. {contact} "
        "needs the sign-off of procurement; no objections to the price so far.",
        ("renewal",),
        2,
    ),
    Topic(
        "Terms for the next year",
        "Talked through scope and price. They would like a longer notice period in exchange for a "
        "fixed price. Looks feasible.",
        ("renewal", "negotiation"),
        2,
    ),
)
REQUESTS: Final = (
    Topic(
        "One more feature for the {campaign}",
        "Hey, can we add a last-minute feature to this campaign? A store finder would "
        "make all the difference, says {contact}. Promised an answer once the team has looked at it.",
        ("scope_change",),
        1,
    ),
    Topic(
        "Could you also do the app screens?",
        "{contact} asked whether the app could get the new look together with the site. "
        "Not in the contract; took it along as a request.",
        ("scope_change",),
        1,
    ),
    Topic(
        "Extra languages",
        "They open in two more countries and want the landing pages in Dutch and Polish before the "
        "{campaign}. Noted as a wish, checking capacity.",
        ("scope_change",),
        2,
    ),
    Topic(
        "More variants",
        "{contact} wants twelve banner variants instead of six, same date. Explained that this goes beyond "
        "what was agreed.",
        ("scope_change",),
        -1,
    ),
    Topic(
        "A film for the trade fair",
        "The fair was moved forward, and a film of ninety seconds is needed within four weeks. "
        "Tight; production and finance have to look at it.",
        ("scope_change",),
        0,
    ),
)


def fill_in(topic: Topic, client: Client, rng: Random, month: str) -> tuple[str, str]:
    """A talk's subject and summary for a client."""
    places = {"campaign": rng.choice(CAMPAIGNS), "contact": rng.choice(client.contacts)[0], "percent": rng.randrange(8, 35),
              "month": month}  # fmt: skip
    return topic.subject.format(**places), topic.summary.format(**places)
