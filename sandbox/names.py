"""Names, places and numbers of invented people and firms: data only."""

FIRST_NAMES = (
    "Amelia", "Noah", "Isla", "Oliver", "Mia", "Jack", "Grace", "William", "Ava", "Leo",
    "Chloe", "Lucas", "Zoë", "Henry", "Siobhán", "Thomas", "Aroha", "Tāne", "Priya", "Arjun",
    "Mei", "Wei", "Nguyệt", "Minh", "Fatima", "Yusuf", "Søren", "Ingrid", "José", "Lucía",
    "Björn", "Anaïs", "Dmitri", "Oksana", "Kwame", "Abena", "Hana", "Kenji", "Jarrah", "Kirra",
    "Matilda", "Angus", "Poppy", "Hamish", "Ruby", "Darcy", "Evie", "Archie", "Freya", "Jett",
)  # fmt: skip

LAST_NAMES = (
    "Smith", "Jones", "Williams", "Brown", "Wilson", "Taylor", "Nguyen", "Johnson", "Martin",
    "White", "Anderson", "Walker", "Thompson", "Thomas", "Lee", "Harris", "Ryan", "Robinson",
    "Kelly", "King", "O'Brien", "D'Angelo", "Müller", "García", "van der Berg", "Papadopoulos",
    "Singh", "Kaur", "Chen", "Wang", "Tanaka", "Kowalczyk", "Ngata", "Te Aho", "McDonald",
    "Hughes", "Patel", "Sharma", "Haddad", "Rossi", "Dubois", "Lindqvist", "Okafor", "Mensah",
    "Fitzgerald", "Campbell-Reid", "Hoang", "Şahin", "Novák", "Silva",
)  # fmt: skip

TITLES = ("Mr", "Mrs", "Ms", "Miss", "Mx", "Dr", None, None)

STREETS = (
    "Station Street", "High Street", "Victoria Road", "Banksia Avenue", "Wattle Grove",
    "Railway Parade", "Church Street", "Kangaroo Point Lane", "Marine Terrace", "Queens Road",
)  # fmt: skip

# city, state, post code, IANA zone
PLACES = (
    ("Fitzroy", "VIC", "3065", "Australia/Melbourne"),
    ("Brunswick", "VIC", "3056", "Australia/Melbourne"),
    ("Geelong", "VIC", "3220", "Australia/Melbourne"),
    ("Footscray", "VIC", "3011", "Australia/Melbourne"),
    ("Fremantle", "WA", "6160", "Australia/Perth"),
    ("Subiaco", "WA", "6008", "Australia/Perth"),
    ("Cottesloe", "WA", "6011", "Australia/Perth"),
)

OCCUPATIONS = (
    "Teacher", "Electrician", "Nurse", "Retired", "Student", "Chef", "Software developer",
    "Bricklayer", "Violinist", "Farmer", "Bus driver", None, None, "", "Roller-derby referee",
)  # fmt: skip

PRONOUNS = (
    ("she", "her", "her", "hers", "herself"),
    ("he", "him", "his", "his", "himself"),
    ("they", "them", "their", "theirs", "themself"),
)  # nominative, accusative, pronominal possessive, predicative possessive, reflexive

GENDERS = ("Female", "Male", "Non-binary", None)
SEXES = ("Female", "Male", None)

REMINDERS = ("SMS", "Email", "SMS & Email", "None")

RELATIONS = ("Parent", "Child", "Sibling", "Spouse", "Partner", "Relative", "Other")

COMPANIES = (
    "Northside Family Practice", "Harbour Sports Medicine", "Coastal Insurance Group",
    "Yarra Orthopaedics", "Swan River Medical Centre", "TransitCare Claims", "Hillview GP",
)  # fmt: skip

ROLES = ("administrator", "power receptionist", "receptionist", "bookkeeper", "scheduler")

# name of the business, place in PLACES, label of its time zone
BUSINESSES = (
    ("Fitzroy Physiotherapy", 0, "Melbourne"),
    ("Fremantle Physiotherapy", 4, "Perth"),
    ("Geelong Hydrotherapy Pool", 2, "Melbourne"),
)

PROFESSIONS = (
    "Physiotherapist", "Podiatrist", "Exercise Physiologist", "Psychologist",
    "Remedial Massage Therapist", "Osteopath",
)  # fmt: skip
