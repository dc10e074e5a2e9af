"""`python -m workers --roles orchestrate,tools`: one worker process. SIGTERM drains it."""

from remit.importing import for_good

with for_good():
    from workers.command import main

if __name__ == "__main__":
    main()
