"""The closed lists of words a case file may use."""

from __future__ import annotations

PRIMARY_SITES = (
    "colorectal", "breast", "lung", "pancreas", "stomach", "oesophagus", "small-bowel", "appendix", "anal",
    "gallbladder", "bile-duct", "neuroendocrine", "gist", "melanoma-skin", "melanoma-uveal", "melanoma-mucosal",
    "kidney", "bladder", "prostate", "testis", "ovary", "endometrium", "cervix", "thyroid", "adrenal",
    "head-and-neck", "sarcoma", "thymus", "unknown-primary", "other",
)  # fmt: skip
SITE_HINTS = (
    ("colon", "colorectal"), ("rectum", "colorectal"), ("rectal", "colorectal"), ("colon cancer", "colorectal"),
    ("bowel", "colorectal"), ("crc", "colorectal"), ("gastric", "stomach"), ("esophagus", "oesophagus"),
    ("net", "neuroendocrine"), ("renal", "kidney"), ("uterus", "endometrium"), ("melanoma", "melanoma-skin"),
    ("uveal melanoma", "melanoma-uveal"), ("pancreatic", "pancreas"), ("unknown", "unknown-primary"),
    ("cup", "unknown-primary"), ("nsclc", "lung"), ("sclc", "lung"),
)  # fmt: skip
HISTOLOGIES = (
    "adenocarcinoma", "mucinous-adenocarcinoma", "signet-ring", "squamous", "adenosquamous",
    "nsclc-not-otherwise-specified", "large-cell", "small-cell", "ductal", "lobular", "clear-cell", "papillary",
    "chromophobe", "urothelial", "serous", "endometrioid", "neuroendocrine-tumour", "neuroendocrine-carcinoma",
    "melanoma", "gist", "leiomyosarcoma", "other-sarcoma", "germ-cell", "cholangiocarcinoma",
    "undifferentiated", "other",
)  # fmt: skip
NET_ORIGINS = (
    "small-bowel", "pancreas", "appendix", "colon", "rectum", "stomach", "duodenum", "lung", "unknown-primary",
    "other",
)  # fmt: skip
SYNDROMES = (
    "none", "carcinoid", "insulinoma", "gastrinoma", "glucagonoma", "vipoma", "somatostatinoma", "acth",
    "other",
)  # fmt: skip
SIDES = ("left", "right", "rectum", "bilateral")
T_STAGES = (
    "tx", "t0", "tis", "t1", "t1a", "t1b", "t1c", "t2", "t2a", "t2b", "t3", "t3a", "t3b", "t3c", "t4", "t4a",
    "t4b", "t4c", "t4d",
)  # fmt: skip
N_STAGES = (
    "nx", "n0", "n1", "n1a", "n1b", "n1c", "n2", "n2a", "n2b", "n2c", "n3", "n3a", "n3b", "n3c",
)  # fmt: skip
MARGINS = ("r0", "r1", "r2")
COMORBIDITIES = (
    "heart-failure", "ischaemic-heart-disease", "valve-disease", "carcinoid-heart-disease", "arrhythmia",
    "hypertension", "peripheral-artery-disease", "stroke", "dementia", "chronic-lung-disease", "asthma",
    "diabetes", "diabetes-with-damage", "kidney-disease", "liver-disease", "cirrhosis", "hepatitis-b",
    "hepatitis-c", "hiv", "connective-tissue-disease", "peptic-ulcer", "inflammatory-bowel-disease",
    "venous-thromboembolism", "obesity", "alcohol-dependence", "depression", "leukaemia", "lymphoma",
    "other-solid-tumour", "other",
)  # fmt: skip
LISTS = (
    "patient.comorbidities", "patient.allergies", "patient.anticoagulants", "patient.antiplatelets", "treatments",
    "extrahepatic.sites",
)  # fmt: skip
ALLERGIES = (
    "iodinated-contrast", "gadolinium", "penicillin", "latex", "platinum", "taxane", "monoclonal-antibody",
    "local-anaesthetic", "other",
)  # fmt: skip
ANTICOAGULANTS = (
    "warfarin", "phenprocoumon", "acenocoumarol", "heparin", "low-molecular-weight-heparin", "fondaparinux",
    "apixaban", "rivaroxaban", "edoxaban", "dabigatran", "other",
)  # fmt: skip
ANTIPLATELETS = ("aspirin", "clopidogrel", "prasugrel", "ticagrelor", "dipyridamole", "other")
BACKGROUNDS = ("normal", "steatosis", "chemotherapy", "fibrosis", "cirrhosis")
ASCITES = ("none", "mild", "moderate", "severe")
BILIARY = (
    "plastic-stent", "covered-metal-stent", "uncovered-metal-stent", "percutaneous-drain", "sphincterotomy",
    "bilio-enteric-anastomosis",
)  # fmt: skip
EXTRAHEPATIC_STATUS = ("none", "present", "not-staged")
EXTRAHEPATIC_SITES = (
    "lung", "pleura", "peritoneum", "hilar-nodes", "regional-nodes", "distant-nodes", "bone", "brain",
    "leptomeninges", "adrenal", "spleen", "ovary", "skin", "soft-tissue", "local-recurrence", "pancreas",
    "kidney", "other",
)  # fmt: skip
TREATMENTS = (
    "systemic", "hepatectomy", "primary-resection", "ablation", "portal-vein-embolisation",
    "liver-venous-deprivation", "portal-vein-ligation", "chemoembolisation", "radioembolisation",
    "hepatic-arterial-infusion", "hepatic-perfusion", "liver-radiotherapy", "other-radiotherapy", "radioligand",
    "liver-transplantation", "extrahepatic-surgery", "biliary-drainage", "histotripsy", "trial",
    "palliative-care", "other",
)  # fmt: skip
DRUGS = (
    "fluorouracil", "capecitabine", "tegafur", "oxaliplatin", "cisplatin", "carboplatin", "irinotecan",
    "trifluridine-tipiracil", "gemcitabine", "paclitaxel", "nab-paclitaxel", "docetaxel", "doxorubicin",
    "etoposide", "temozolomide", "dacarbazine", "pemetrexed", "eribulin", "vinorelbine", "bevacizumab",
    "aflibercept", "ramucirumab", "cetuximab", "panitumumab", "encorafenib", "dabrafenib", "trametinib",
    "binimetinib", "sotorasib", "adagrasib", "regorafenib", "fruquintinib", "trastuzumab", "pertuzumab",
    "tucatinib", "lapatinib", "trastuzumab-deruxtecan", "zolbetuximab", "pembrolizumab", "nivolumab",
    "ipilimumab", "atezolizumab", "durvalumab", "relatlimab", "tebentafusp", "osimertinib", "alectinib",
    "lorlatinib", "entrectinib", "larotrectinib", "selpercatinib", "olaparib", "palbociclib", "ribociclib",
    "abemaciclib", "tamoxifen", "aromatase-inhibitor", "fulvestrant", "enzalutamide", "abiraterone",
    "sunitinib", "pazopanib", "cabozantinib", "lenvatinib", "axitinib", "imatinib", "everolimus", "octreotide",
    "lanreotide", "lutetium-dotatate", "melphalan", "floxuridine", "streptozocin", "other",
)  # fmt: skip
NOT_CHEMOTHERAPY = frozenset(DRUGS[DRUGS.index("bevacizumab") :]) - {
    "trastuzumab-deruxtecan",
    "melphalan",
    "floxuridine",
    "streptozocin",
}
"""Drugs of the list that are not cytotoxic chemotherapy ("other" counts as not known to be)."""
ANTI_VEGF_ANTIBODIES = ("bevacizumab", "aflibercept", "ramucirumab")
"""Drugs given into a vein that catch VEGF or its receptor."""
ANTI_VEGF_INHIBITORS = (
    "regorafenib", "fruquintinib", "sunitinib", "pazopanib", "cabozantinib", "lenvatinib", "axitinib",
)  # fmt: skip
"""Tablets that block the receptors of VEGF, among other kinases."""
OPERATIONS = ("hepatectomy", "primary-resection", "extrahepatic-surgery", "liver-transplantation")
"""Treatments that are operations with a wound to heal."""
SURGERY = ("planned", "possible", "not-suitable", "declined")
RESPONSES = ("complete", "partial", "stable", "progression", "mixed", "not-evaluable")
SIGNS = (
    "no-symptoms", "fatigue", "weight-loss", "appetite-loss", "early-satiety", "nausea", "vomiting", "fever",
    "shivering", "night-sweats", "jaundice", "itch", "dark-urine", "pale-stool", "right-upper-quadrant-pain",
    "abdominal-pain", "sudden-severe-pain", "shoulder-pain", "back-pain", "bone-pain", "abdominal-distension",
    "ascites", "leg-oedema", "leg-swelling-one-sided", "hepatomegaly", "splenomegaly", "liver-tender",
    "abdominal-wall-veins", "confusion", "drowsiness", "coma", "asterixis", "sleep-reversal",
    "personality-change", "haematemesis", "melaena", "rectal-bleeding", "vomiting-all-day", "constipation",
    "no-stool-or-wind", "diarrhoea", "flushing", "wheeze", "palpitations", "hypoglycaemia", "breathlessness",
    "cough", "haemoptysis", "chest-pain", "collapse", "headache", "seizure", "focal-weakness", "leg-weakness",
    "bladder-or-bowel-loss", "thirst", "polyuria", "bleeding-or-bruising", "spider-naevi", "palpable-mass",
    "enlarged-neck-node", "muscle-wasting", "hypotension", "tachycardia", "low-mood",
)  # fmt: skip
NATURES = ("confirmed", "probable", "indeterminate", "benign", "vanished", "treated")
SEGMENTS = ("I", "II", "III", "IV", "IVa", "IVb", "V", "VI", "VII", "VIII")
MODALITIES = ("CT", "MR", "PET-CT", "PET-MR", "US", "CEUS", "intraoperative-US")
PHASES = (
    "native", "arterial", "portal-venous", "delayed", "hepatobiliary", "multiphase", "diffusion", "t1", "t2",
    "other",
)  # fmt: skip
GOALS = (
    "longest-life", "quality-of-life", "avoid-surgery", "avoid-chemotherapy", "stay-at-home", "reach-an-event",
    "fertility", "other",
)  # fmt: skip
NUTRITION = ("well-nourished", "at-risk", "malnourished")
SMOKING = ("never", "former", "current")
METABOLISER = ("normal", "intermediate", "poor")
GENE = ("wild-type", "mutated")
FUSION = ("negative", "rearranged")
RESULT = ("negative", "positive")
TRANSPLANTS = ("none", "liver", "kidney", "heart", "lung", "stem-cell", "other")
INTENTS = ("cure", "control", "comfort")
