"""The rules and word lists behind `data/concepts/nouns.txt`; used by make_nouns.py alone.

Senses are named `lemma.number`, in WordNet 3.0's order.
"""

from __future__ import annotations

HEADER = """\
Common English nouns for things that can be seen: one a line, single words by falling frequency,
then compounds by falling use in WordNet.
Made by scripts/make_nouns.py on {date} from WordNet 3.0 and wordfreq {wordfreq}.
Licence of this file: CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/), since words are
chosen and ordered by wordfreq's data (Robyn Speer, https://doi.org/10.5281/zenodo.7199437), which come
from Google Books Ngrams, the Leeds Internet Corpus, Wikipedia, ParaCrawl, OPUS OpenSubtitles, the SUBTLEX
lists of Marc Brysbaert et al. and others; together with the notice of WordNet 3.0, Copyright 2006 by
Princeton University. Both in full: data/concepts/README.md."""

# How visible the nouns of a lexicographer file are, if no rule below says otherwise.
BY_FILE = {
    "animal": 1.0, "artifact": 1.0, "body": 0.9, "food": 1.0, "plant": 1.0, "object": 1.0, "shape": 1.0,
    "substance": 0.8, "person": 0.5, "phenomenon": 0.7, "location": 0.5, "group": 0.3, "event": 0.35,
    "act": 0.15, "communication": 0.2, "possession": 0.1, "time": 0.1, "attribute": 0.1, "state": 0.1,
    "quantity": 0.05, "cognition": 0.05, "feeling": 0.05, "process": 0.05, "relation": 0.0, "motive": 0.0,
    "Tops": 0.5,
}  # fmt: skip

# Parts of the hierarchy that a camera rarely shows (weights that take the place of the file's).
LOWER = {
    "taxonomic_group.1": 0.0, "microorganism.1": 0.3, "chemical_element.1": 0.3, "organic_compound.1": 0.2,
    "compound.2": 0.2, "molecule.1": 0.2, "medicine.2": 0.3, "drug_of_abuse.1": 0.2,
    "controlled_substance.1": 0.0, "narcotic.1": 0.0, "hormone.1": 0.1, "enzyme.1": 0.1, "protein.1": 0.3,
    "organization.1": 0.3, "chemical_bond.1": 0.0, "sexual_activity.1": 0.0, "genitalia.1": 0.0,
    "sex_organ.1": 0.0, "unpleasant_person.1": 0.0, "simpleton.1": 0.0, "fool.1": 0.0, "pervert.1": 0.0,
    "prostitute.1": 0.0, "bad_person.1": 0.2, "person_of_color.1": 0.0, "excrement.1": 0.2,
    "adversary.1": 0.4, "unfortunate.1": 0.3, "disputant.1": 0.3, "intellectual.1": 0.4,
    "radiation.1": 0.2, "gland.1": 0.4, "nerve.1": 0.3, "blood_vessel.1": 0.4,
}  # fmt: skip

# Parts of the hierarchy that can be seen, although their file says less.
HIGHER = {
    "sport.1": 0.9, "dance.1": 0.7, "dancing.1": 0.8, "game.1": 0.6, "social_event.1": 0.7,
    "ceremony.1": 0.8, "document.1": 0.6, "visual_communication.1": 0.7, "facial_expression.1": 0.9,
    "sign.2": 0.9, "color.1": 0.8, "currency.1": 0.8, "fire.1": 1.0, "precipitation.3": 1.0, "weather.1": 0.9,
    "publication.1": 0.8, "gathering.1": 0.8, "animal_group.1": 0.9, "crowd.1": 0.9, "injury.1": 0.7,
    "musical_organization.1": 0.8, "military_unit.1": 0.6, "season.2": 0.7, "pattern.3": 0.9,
    "illustration.1": 0.8, "gesture.2": 0.7, "worker.1": 0.8, "hour.2": 0.6,
    "entertainer.1": 0.9, "athlete.1": 0.9, "serviceman.1": 0.9, "child.1": 0.9, "child.2": 0.9, "adult.1": 0.7,
    "male.2": 0.8, "female.2": 0.8, "clergyman.1": 0.9, "musician.1": 0.9, "sovereign.1": 0.8,
    "spiritual_being.1": 0.7, "imaginary_being.1": 0.9, "creator.2": 0.6, "traveler.1": 0.7,
    "lawman.1": 0.9, "medical_practitioner.1": 0.8,
    "team.1": 0.9, "family.1": 0.7, "family.2": 0.7, "police.1": 0.9, "body_of_water.1": 1.0, "city.1": 0.9,
    "municipality.1": 0.9, "tract.1": 0.9, "vegetation.1": 1.0, "bicycling.1": 0.9,
    "religious.1": 0.8, "smile.1": 0.9, "parade.1": 0.8, "explosion.1": 0.8,
    "disaster.2": 0.8, "alphabetic_character.1": 0.7, "symbol.1": 0.5, "gem.2": 1.0, "mineral.1": 0.8,
    "alcohol.1": 0.9, "road.1": 1.0,
}  # fmt: skip

# Meanings that WordNet marks by usage: disparagement, ethnic slur, obscenity.
RUDE_USAGE = ("disparagement.1", "ethnic_slur.1", "obscenity.2")
RUDE_WORDS = (
    r"offensive|obscene|disparag|derogat|\bslur|vulgar|insult|pejorative|sexual intercourse|\bslang for"
)

# Endings of regular plurals and what stands in their place in the singular.
PLURALS = (
    ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y"),
    ("s", ""),
)  # fmt: skip

# Nouns that are better known in the plural.
AS_PLURAL = {
    "jean": "jeans", "legging": "leggings", "overall": "overalls", "pajama": "pajamas", "trouser": "trousers",
    "tweezer": "tweezers", "headphone": "headphones", "earphone": "earphones",
}  # fmt: skip

# Files that compounds may come from.
COMPOUND_FILES = {"animal", "artifact", "body", "food", "plant", "object", "person", "phenomenon", "shape"}

# Words of which only another meaning is rude, or which belong to sport.
HARMLESS = set(
    """
    boy bull clown dirt fairy mongrel pill pot quarterback queen runner shaft shrimp spade suit taco tapir tie tool
    toothbrush wig
    """.split()
)

# Kept whatever the counts say: what they name is plain to see, though other meanings or parts of speech
# are more frequent, or, as with trousers, the plural is the word. The basic colours are nouns as well.
KEEP = set(
    """
    black blue brown gray green orange pink purple red white yellow
    bleachers dominoes binoculars fries glasses goggles knickers pants pliers scissors shorts
    stairs sunglasses underpants whiskers
    bat bear birthday blossom bow bowl braid bruise building bump camel cave christening clothing crack crane crash
    crawl cross crowd curl dance darkness daylight drawing dress drink duck embroidery evening explosion face fight
    file fire flash flood fly fold football frown gift globe glow graffiti grin hug iron jump kiss label laughter
    leaf letter light line map mark mask match meal menu mirror morning night number page paint painting
    parade pattern picnic pile poster prayer print puzzle race rain ring rose row rust saw sculpture seal sewing
    shade shadow sign slide smile smoke snow spot square stain stamp steam stitch storm
    stretch sunlight sunset sunrise swim swing tangle tear text tool train trap trick twist watch
    wave wedding wing wrap wreck wrinkle yarn
    cigarette tobacco aluminum titanium zinc copper microwave lace tie handle shed stable scale arch dam desert harbor bamboo bikini jersey police swirl mesh zigzag knit
    metal sink hook nail pump lock switch anchor whip toothpaste soap lounge crow waste spice pepper pyramid telescope
    ferry sunshine moonlight spear ceramic veil chrome neon cigar barbecue shampoo sponge plum algae weave lavender olive
    silver mammoth sling skunk frisbee surfboard bed stage ruin word wax dart shrew flatfish racket wiring gasoline lime
    archery ballet baseball basketball boxing cricket diving fencing fishing golf gymnastics hiking hockey hunting
    judo karate rugby running sailing skating skiing soccer surfing swimming tennis volleyball wrestling yoga
    """.split()
)

# Left out by hand, read off the list that the rules gave.
DROP = set(
    # First and family names, places, brands: wordfreq does not tell capitals.
    """
    ala alb ali alp amazon amir andrew andromeda angelica angelique ani argentine ascot atlas baba
    bailey baker barker beau beck belvedere belle ben bennet benny berg beth bethel billy bobby bowman brad brent brit
    britt burgh buster butte calif cassie cayman chad champaign chandler charlotte chile china cisco clarence clary
    clegg clementine coca cochin coco cole colleen collier columbine columbo coney cosmopolitan costa coulter
    croft cummings cutler dahl dak dale daphne das davenport deb delft dell derby dirk dobson dolly donna drake
    draper eleven emery emmet erica excelsior fanny farina fay fiat fitch florist freeman fry fuji gage gat gemma
    georgette greenwood hackney hakeem hank hanks harper harris havelock hazelwood hector hessian hilt
    hogan horst hoya hubby huck hulk inga iva jack jaeger jak jakes jasper java jay jean jello jenny joe
    john jock johnny joss kali kea ken kirk kohl kris kylie lac laguna lally lance leigh lille lindy linden ling lisle
    liza lohan louvre lotte lucerne lulu mac mack maggie malacca malik manchester manila manus marc marcel marge
    margate maria mariposa marmite martin mavis max mayo mercer mei merle mike milo mina minster molly mollie
    mulligan murphy myrtle nan napa ness nick nickelodeon nova oreo palmyra pat patty paisley pal parson peter
    philippine pinto pollard porta potter rae raja ramona ray rick ridley robert roe rosita rowan roy rudd rue
    samara samba sawyer serge shay sherlock sienna silva slater smart solomon sonny springer stanhope stein sterling
    surrey sylvan tabor tammy tanner taylor teddy terry timberland timothy tinder titan toby tom tommy tor trump
    twitter underwood vale velcro veronica victor vienna wahoo walker wally warner warren weaver wheeler yahoo zaman
    mackintosh macintosh monte holland jakarta malachi marguerite midland prescott quaker corolla
    corvette brogan bruin capote elwood chino dixie carolina burg bourne winger bender barrack
    """.split()
    # Labels of people that no picture can justify, and words of sex, abuse and mockery.
    + """
    addict alcoholic anarchist atheist backside bachelorette barbarian bimbo bisexual blackface bloke bongo bozo
    brothel bugger clit clitoris colored concubine condom copulation coward crap crook crotch cum deviant dictator
    dildo douche dude dummy dwarf eunuch extremist fanatic fascist fatso foreigner foreskin freak gangbang geek geezer
    genital gigolo groin gypsy hag harem heathen heroin heterosexual hobo homeless homo homosexual hooker hunk idiot
    immigrant incompetent infidel invalid junkie kamikaze killer kook lackey leper lesbian libertarian loser lunatic
    maidenhead maniac midget migrant minger mistress moron mutant nerd noose nude oddball orphan pagan pansy
    parasite pauper penis pervert phallus pimp playboy populist porn prostitute psycho racist rascal rectum redneck
    refugee rogue savage scoundrel scrotum scum semen sexist sissy slag slave slut spastic sperm sphincter spinster
    stalker stripper striptease sucker swastika swinger terrorist thug tit titty tomboy tramp transsexual traitor
    tyrant urethra vagina vibrator villain vixen virgin weenie whore wimp witchdoctor womanizer criminal gulag
    gunpoint genocide lynching ghetto bigot denier deplorable imbecile outcast outlaw peasant savage scrooge snob
    """.split()
    # Clipped and spoken forms, Greek letters, oddments.
    + """
    aba ade agua anil bap bbs bey biz blanc bleu bod bot braw brill brit bud buddy burgh cant chap chit choc comp coot
    cos cul cur dais dana dearest deb demo dias doc doe doggie doggy doj dun duff ell exam expat fave fella foe
    gam gar gran granny goo guan hind hoy hod hun info kino koi lad lat lass lav ley lib loo lor mag mama mamma
    mommy momma mum mummy missus mod muck nib nog ola pap papa peri pes phi pi pia pic piggy pix poi pol prof psi rep
    ref rev rho roc rood rum scape sis sol sou soma stover tam tau tec telly temp testa theta thou tot tum tun vas
    veg veggie vet vitals wort yap zag zed zee zeta alpha beta gamma delta kappa lambda omega sigma daddy darling
    sweetie sweetheart babe babu bub guv hon ma nana guy granddad grandad brae coz cuz dingle dreck duplex hi gig
    """.split()
    # What cannot be seen, or is too general to say anything.
    + """
    access accomplice acquisition addition adjunct advisor adviser affidavit affiliate affinity agent aggregate aide
    ally ambrosia annals annex announcer appendage applicant appointment aquatic arsenal ascent asset assessor
    asylum attachment attraction attribute author authority authorization auxiliary availability backbone 
    beginner believer beneficiary biennial bidder blocker booster bottleneck brainchild breaker breakdown breeder
    browse buyer byproduct caller calamity calculus capacitance capacity captive caregiver case catalyst catastrophe
    category chap citation citizen client clone coating colleague colouring combo comma commemoration commemorative
    commission commodity commonwealth companion company compilation complexion component composition compost
    conductivity confluence congress connection conquest consequence constituent consumer contender content
    contestant contract contractor contributor control coordination coordinator copy copyright corrective
    counsel counterfeit creation credit creditor critter crux customer data database deal debtor declaration
    deed defendant delegate demo depiction depression depository designee destiny detector detention developer deviation
    diplomacy disciple disposable disposal distortion distributor doctorate donor duplicate duplication dweller
    earner edifice educator edible effect effigy element emission employment enforcer enterprise entity entrant
    equalizer equatorial equator enthusiast entrepreneur episode equine era establishment evaluation evolution examiner
    exchange executive expert exporter extremity facilitator facility factor fallout fate favourite fellow figure finalist finish
    finisher fixer flagship fluke follower foe formulation fortune forum founder generic getup
    giver goody group guarantor harm heir hell helper hepatic herbal highlight hitter holder holy hone
    humankind hydrate hypothesis identification immune impact impedance impetus imposition inclination
    inception incident incumbent indicator induction industry inferno informant initiation initiator innovation
    insider inspiration installation institution integrator intermediary intruder invader invention inventory
    investigator investor item kernel knockoff knockout knowledge landmass law learner legacy legislation
    liability liberal likelihood list listener load locality location looper lot lover luck maker management mandate mankind
    manifold margin material matter mediator medium member middle mini minimalist modification modernism modernist
    module momentum motif motivation motive moderator mogul mutation narrator nationalist necessity negotiator
    newbie newcomer nobody noise nominee nomination nourishment novice nuke nutshell observer occasion occupant
    occupation offshoot omnibus opponent opposition option organization organizer origin ornamental outcome outlet output outset
    outsider owner pact participant partisan party patent payer paycheck performance period periphery
    perpendicular personnel phenomenon plaintiff playoff plexus portfolio portion position possession
    possibility practitioner precursor predecessor premier pressure principal privilege privy prohibition
    promoter proponent proposition propulsion proprietor protagonist protection provider proxy purchaser
    quantity quagmire quorum reactionary reality receivership reception recipient reciprocal recruiter
    reflex regime region regulator reinforcement relation relic reluctance remains replacement repository
    representation representative requirement requisite reservation resident residue resignation resistance
    resistor resolution respect response resource retardant rival rookie satirist saver scenario scheduler
    scheme scope scourge seam section sectional sector seeker segment sender senior sensation sensor series
    servicing share shareholder shortcut signatory situation size sizing smoother solicitor solution someone
    somebody soul source spare specialist spectrum spokesman spokesperson standard standby start starter statement
    status steeper stint stuff subcontinent subject subscriber subsection subset subsidiary substitute substrate
    successor summation supplier supplement supporter suppressor surrogate survivor suspect suspension sustenance
    sworn symposium synchro synod system taker takin taxpayer technique tenant terminus terms terrain testimony theme
    thing threshold throughput tidbit tier till timer topic tortion torsion trait transaction transformation transfer
    transient transition transparency transport trapping treaty tremor trend tribunal tribune trigger trimester turnout
    unionist user upside utility vacancy variant variation velocity vendor venom venue viability
    vicinity victim victory viewer visibility vitamin voltage voter wannabe whatnot whereabouts whiff windfall winner
    wireless wonderland working writ yearling agenda angiotensin apoptosis bestseller binary bonanza
    botany cosy commando delicacy diffraction dearth doppelganger emulsion energy epithelium ethyl experience
    fissure flavoring floppy foreplay glossy haircutting hash hatching indictment indie interment
    internet intranet ion ligand lymph magneto membership methyl microprocessor morel mucosa neve nog
    nude pica plasmid plenum polarization positron postmodernism primer prion quark redshift
    saline shim sham shear sine sinus smiley solver soprano spawn spoiler springtime stainless
    storey stronghold strobe sump supernatural superconductor synapse synthesis tangent tenor
    thesis tidy tort traction trajectory transducer transponder trident ultrasound
    uphill upstart variable vertex vestige viscount affluent advertiser additive addenda
    alternator alkyl anion axon cation boson hadron neutrino chromatin conjugate crux cusp cytoplasm curate
    dielectric dipole dorsal dynamo electrolyte elevation ester gimbal glycol hepatitis hypothalamus isotope
    kinase lepton lidar meson metabolite microchip nematode neb necrosis neuron nucleotide nuclei nucleus
    oscillator oxide allele amygdala analyte anode antigen antioxidant aquifer cathode diode enzyme
    peroxide photon pheromone plasma protein proton quasar radius reagent receptor resonance resonator serum sigmoid
    solenoid solvent sputnik stator substrate synchrotron thorax toxin transistor tremolo virion waveguide
    """.split()
    # The same, seen in later samples.
    + """
    allis ambulatory arista arist occurrence cwm ern herm tabi telfer ratan wye vanda potable wester rut lamina
    surfactant feedstock granule thalamus troposphere reformer filler forage colter crone dobbin propylene proboscis
    macrophage hippocampus chloroplast spectrograph headstock heartthrob lube nub kiddy scouse scrubber bruiser
    mescaline glans foramen adonis gamba quack mudder nigella pappus carissa alum jammies beefcake
    spiegel rickey collins roper bennie geneva defence enemy drifter echelon kat kava claro cristal bubbly bock goop
    radium division varietal vanguard diuretic anesthetic psilocybin tamoxifen naloxone dope household
    botanical carcinogen lading digitizer pappus churchman bagger esquire munition mishap outlander
    bling potty hearthstone sodium uranium potassium lithium calcium magnesium helium
    acetyl acumen agonist allis audiovisual backbench bast bash batten biddy bight bogeyman boogeyman bootstrap borrower
    breadwinner brier britches buttock cantonment capitalism carrefour chi clan clemency cliffhanger cognition
    commissar commissariat compendium conservatoire consignment constrictor contaminant cornel cornerstone cortina
    courtesan covenant covey cranny cud cyclotron demonstrator depositary detonation deuterium dicky diehard dilution
    dispatcher dita dominatrix dominus dorsum downfall drat effluent eliminator epsilon equaliser escrow extrusion
    feller fiver flavouring flexor folate foothold ganja genesis gramma guild gyrus heartland hiatus hombre hydroxyl
    inductor innards innovator instar insulator inversion itinerary kiley leviathan mangold maul maverick mem midsection
    mufti mung muon newmarket noggin odontoid outburst paseo passer pecs peeler pollutant prat privateer punky rave
    rebirth reliever recombinant reservist rundle salter servo shine sidekick slicker socialite souk southpaw sting
    stressor strategist strike stroke supremacist terminator titi topside trier trimmer umbilical wale wanderer
    dame baron bloodstream cohort contagion contender custodian dealer duo trio pair bunch set lot corpus deceased elite
    hoarding incumbent jinx lineup lingua minority mistress mort necrophilia nigra pecker plier rapper rape rapist
    """.split()
)  # fmt: skip

# Compounds with these words are dictionary talk ("mechanical device") or physics.
DROP_PARTS = set(
    """
    adult agent apparatus atmospheric autonomic being bodily body capacity cell charge circuit class communication
    component concentration condition control covering current data device difference element electric electrical
    energy enclosed energetic equipment famous female field force form formation human implement important
    infectious input instrument interaction internal large life long magnetic male married mechanical mechanism
    medical member mental muscle native natural nerve nervous object organ organic output part person phenomenon photographic
    physical plane plant point position potential pressure professional protective resistance scientific serum shape short
    skilled small social solid state structural structure supporting surface system term tissue unit upper vessel
    vocal voluntary way white whole ass amen big shot full good black high negative positive old modern true
    order light open product chain military public government game standing hot cold left right interior exterior
    simple sensory angle space
    """.split()
)

# Compounds kept although they have such a word or WordNet rarely uses them: everyday things.
KEEP_COMPOUNDS = set(
    """
    traffic light/hot dog/teddy bear/polar bear/baby carriage/hair dryer/tennis racket/parking meter/
    fire hydrant/school bus/black bear/bow tie/street sign/light bulb/white wine/red wine/
    black widow/hot tub/hot spring/high school/old man/old woman/human body/human face/solar system/
    solar panel/nervous system/roller coaster/ferris wheel/wedding ring/wedding cake/wedding dress/birthday cake/
    birthday party/christmas tree/pet food/rubber band/paper clip/paper towel/toilet paper/toilet seat/toilet bowl/shower curtain/
    soccer ball/football helmet/snow leopard/sea horse/sea urchin/bald eagle/golden retriever/
    german shepherd/french fries/potato chip/coral reef/sand dune/rain forest/parking lot/national park/barbed wire/
    stone wall/picket fence/stained glass/bullet train/mountain bike/dirt bike/running shoe/
    tennis shoe/golf club/golf cart/shopping cart/shopping basket/shopping bag/shopping mall/credit card/playing card/
    musical instrument/keyboard instrument/electric guitar/acoustic guitar/french horn/tin can/beer glass/beer bottle/
    water tower/water tank/wind turbine/power plant/phone booth/swimming trunks/bathing cap/space shuttle/
    space station/chain saw/dump truck/fire truck/pickup truck/garbage truck/tow truck/police van/
    traffic jam/bus stop/train station/bus driver/dinner table/coffee table/
    sleeping pill/safety pin/nail polish/lip balm/hair spray/face powder/contact lens/
    killer whale/great white shark/fruit fly/ice cube/ice rink/ice hockey/figure skating/horse racing/car race/
    forest fire/black hole/blood cell/black pepper/brown rice/fried egg/green tea/hard hat/
    rocking horse/palm tree/magnifying glass/measuring cup/frying pan/mixing bowl/cutting board
    """.replace("\n", " ").split("/")
)
KEEP_COMPOUNDS = {" ".join(name.split()) for name in KEEP_COMPOUNDS}
DROP |= set(
    """
    hydrogen ion/alpha particle/beta particle/elementary particle/free electron/even chance/break seal/defense laboratory/
    finishing coat/stable gear/young bird/policy maker/flying bird/second growth/specific heat/red shift/delay line/
    half track/conference house/permanent wave/impact printer/coffee substitute/multiple star/multiple fruit/
    imaginary creature/station keeper/pass receiver/testing room/outer boundary/major suit/try square/continental drift/
    elephant bird/river bottom/radio source/business establishment/hearing officer/hired hand/literary critic/naked eye/
    compound leaf/round bone/butt joint/rose pink/city father/dead end/inclined fault/federal official/church officer/
    domestic cat/fresh fish/heat engine/simple leaf/wild ass/blood group/food fish/sport fish/plate iron/map projection/
    grey matter/straight line/stock market/ground cover/marine mine/edge tool/optical disk/
    """.replace("\n    ", "").split("/")
)
