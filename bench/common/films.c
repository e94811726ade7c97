/* SPDX-License-Identifier: MIT */
#include "bench/common/films.h"

#include "lib/base/hash.h"

#include <ctype.h>
#include <string.h>

#define CHOICES 8

/* What films of a tag are about. */
typedef struct Theme {
    const char *tag;
    const char *plots[3];
} Theme;

static const Theme themes[] = {
    {"sci-fi",
     {"repairs an ageing spaceship beside a stubborn robot", "meets an alien in a lunar colony",
      "travels through time to stop an experiment"}},
    {"based on a book",
     {"inherits the letters of a famous novelist", "lives the story of a best-selling novel",
      "guards the last manuscript of a library"}},
    {"comedy",
     {"ruins a wedding with one hilarious lie after the other", "runs the worst hotel of the coast",
      "must share a flat with a former boss"}},
    {"action",
     {"has one night to rescue the hostages from a skyscraper", "races across the desert with stolen gold",
      "fights the cartel that destroyed a village"}},
    {"twist ending",
     {"finds that nobody in the hotel is who they seem", "hunts a killer through forgotten memories",
      "receives messages from a passenger who vanished"}},
    {"dystopia",
     {"hides a child from a totalitarian regime", "works in a city where books are forbidden",
      "wins a lottery that nobody survives"}},
    {"dark comedy",
     {"buries the wrong body and laughs at the funeral", "sells insurance to contract killers",
      "plans the perfect murder and bungles it"}},
    {"classic",
     {"waits for an old lover in a foggy harbour", "rides home after the civil war",
      "sings in a nightclub while the war draws near"}},
    {"psychology",
     {"treats a patient whose nightmares come true", "loses grip on reality after an accident",
      "confronts an obsession in an empty asylum"}},
    {"fantasy",
     {"learns magic from a dragon in exile", "must carry a cursed sword to the sea of elves",
      "finds a door to an enchanted kingdom"}},
    {"romance",
     {"falls in love with a rival", "meets a first love again after twenty years",
      "writes love letters for a shy friend"}},
    {"thought-provoking",
     {"asks what a machine may remember", "debates the meaning of life with a dying philosopher",
      "must choose which of two strangers will live"}},
    {"social commentary",
     {"leads a strike against the mine's owners", "exposes the corruption of the police",
      "moves from the slums into a rich man's house"}},
    {"violence",
     {"takes bloody revenge on a gang", "survives a brutal prison riot",
      "is drawn into the war between two mafia families"}},
    {"true story",
     {"crosses the Antarctic in 1914", "uncovers the scandal that brought down a president",
      "becomes the first woman to fly the mail"}},
};

static const char *const heroes[CHOICES] = {"A detective",     "A retired soldier", "A young pianist",
                                            "A thief",         "A shy student",     "A teacher",
                                            "A corrupt judge", "An old clockmaker"};
static const char *const seasons[CHOICES] = {"one long summer",          "during the rainy months",
                                             "for nine days and nights", "over a single weekend",
                                             "between two journeys",     "towards the end of the year",
                                             "all through the spring",   "on a quiet Sunday"};
static const char *const turns[CHOICES] = {"but little of it goes as anybody had expected",
                                           "while somebody else already wants the same thing",
                                           "until a visitor brings up what happened long before",
                                           "and has to decide before the others find out",
                                           "but those who stayed behind see it quite otherwise",
                                           "while the weather turns and the roads are closed",
                                           "until too many people begin to ask questions",
                                           "and notices far too late what all of it will cost"};
static const char *const syllables[CHOICES] = {"mar", "to", "vel", "ni", "ska", "ber", "lo", "dun"};

/* A further choice from the same drawn number; the last one is used up. */
static uint64_t choose(uint64_t *drawn, uint64_t count)
{
    uint64_t choice = *drawn % count;
    *drawn /= count;
    return choice;
}

/* Of three syllables: texts have words that few others have. */
static char *draw_name(Arena *arena, uint64_t *drawn)
{
    char *name = arena_format(arena, "%s%s%s", syllables[choose(drawn, CHOICES)],
                              syllables[choose(drawn, CHOICES)], syllables[choose(drawn, CHOICES)]);
    name[0] = (char)toupper((unsigned char)name[0]);
    return name;
}

Film film_draw(Arena *arena, const char *user, uint64_t number)
{
    uint64_t taste = hash_bytes(user, strlen(user));
    uint64_t drawn = hash_bytes_seeded(&number, sizeof(number), taste);
    const Theme *theme = &themes[choose(&drawn, ARRAY_SIZE(themes))];
    const char *tag = theme->tag;
    if (choose(&drawn, 3) == 0)
        tag = themes[(taste >> 8 * choose(&drawn, 2)) % ARRAY_SIZE(themes)].tag;
    const char *plot = theme->plots[choose(&drawn, ARRAY_SIZE(theme->plots))];
    const char *hero = heroes[choose(&drawn, CHOICES)], *season = seasons[choose(&drawn, CHOICES)];
    const char *turn = turns[choose(&drawn, CHOICES)];
    const char *first = draw_name(arena, &drawn), *second = draw_name(arena, &drawn);
    return (Film){.description =
                      arena_format(arena,
                                   "%s called %s %s %s, %s. What begins in %s with nothing more than "
                                   "a few words grows larger, and take number %lu of it is the last.",
                                   hero, first, plot, season, turn, second, (unsigned long)number),
                  .tag = arena_copy(arena, tag, strlen(tag))};
}
