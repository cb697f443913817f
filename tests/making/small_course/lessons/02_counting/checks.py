from migration_lab.teaching.judging import FilesJudge


class Ticket(FilesJudge):
    exercise = "02.1"
    stub_fails = "upgrade"
