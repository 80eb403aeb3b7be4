package enrich

// The lists that names are recognised by are ours, written for this package. They hold
// frequent names only, and none that is an ordinary word as often: a name that is not
// found costs less than a word that is taken for one.

// givenNames are first names of people in the languages of the product and of some that
// are frequent in their documents. Left out are those that are words, months, places or
// surnames as often: Mark, Will, May, Grace, Charlotte, Sofia, Martin, Thomas stays.
var givenNames = set(`
	aaron adam adrian ahmed aisha alan albert alberto alejandro alessandro alex alexander alexandra alfred ali alice alicia alison amanda
	amelia amir amy ana andrea andreas andrei andrew andré angela angelika anita anja anke ann anna anne annette antje antoine anton antonio
	arthur arun astrid axel barbara beate beatrice ben benjamin bernd bernhard bettina birgit björn boris brenda brian brigitte bruno camille
	carl carla carlos carmen caroline catherine cecilia chantal charles chiara chris christian christiane christina christine christoph
	christopher cindy claire clara claude claudia claudio cornelia craig cynthia daniel daniela danielle david deborah denise dennis derek
	diane diego dieter dimitri dirk dmitri dmitry dominik donald donna doris dorothea dorothy edith eduardo edward eleanor elena elisabeth
	elizabeth elke ellen emil emily emma enrico eric erich erik erika ernst esther eugene eva fabian fabio fatima felipe felix ferdinand
	fernando francesca francesco francisco françois françoise frank franz frederick friedrich fritz gabriel gabriela gabriele gary geoffrey
	georg george gerald gerard gerhard gianni gilbert giorgio giovanni gisela giulia giuseppe gordon greta gudrun guido guillaume günter günther
	gustav hannah hannes hans harald harold hassan heather heidi heike heinrich heinz helen helena helga helmut henri henrik henry herbert
	hermann hiroshi holger horst hugo ian ibrahim ignacio ines inga ingrid irene irina isabel isabella isabelle ivan jacob jacqueline jacques
	jakob james jan jana jane janet janine jason javier jean jeanne jeff jeffrey jennifer jens jeremy jessica jill jim joachim joan joanna joe
	joel johan johann johanna johannes john jon jonas jonathan jorge josef joseph josé joshua joyce juan judith julia julian juliane julie jun
	jürgen karen karin karl karla karsten katarina kate katharina katherine kathleen kathrin katja katrin kazuo keith kelly ken kenneth kerstin
	kevin khalid klaus konrad kristin kristina kumar kurt lars laura lauren laurent lena leo leon leonard leonardo linda lisa lothar louis
	louise luca lucas lucia lucy ludwig luigi luis lukas luke lutz magdalena malcolm manfred manuel manuela marc marcel marco marcus margaret
	margarita maria marianne marie marina mario marion markus marlene marta martha mary mateo mathias matteo matthew matthias maurice maximilian
	megan mehmet melanie michael michaela michel michele michelle miguel mikhail mohamed mohammed monica monika monique moritz muhammad mustafa
	nadia nadine nancy natalia natalie nathan nicholas nicolas nicole niklas nils nina noah nora norbert olaf oliver olivia olivier olga oscar
	oskar otto pablo pamela paola paolo patricia patrick patrizia paul paula pauline pedro peter petra philip philipp philippe pierre pietro
	priya rachel rafael rainer ralf ramón raphael rebecca regina reinhard renate rené ricardo richard rita robert roberto roger roland rolf
	ronald rosa rosemary rudolf ruth ryan sabine samantha samuel sandra sara sarah sebastian sergei sergey sergio sharon shirley silke silvia
	simone sofie sonja sophie stefan stefania stefanie stephan stephanie stephen steve steven susan susanna susanne suzanne svetlana sven
	sylvia takashi tanja tatjana teresa theodor theresa thierry thomas thorsten tim timothy tina tobias tom torsten udo ulrich ulrike ursula
	ute uwe valentina valerie vanessa vera verena veronica veronika victoria vincent vincenzo vladimir volker walter wei werner wilhelm william
	wolfgang xavier yasmin yolanda yuki yusuf yves yvonne`)

// personTitles stand before the name of a person.
var personTitles = set(`mr mrs ms miss dr prof professor sir dame lord lady herr frau herrn monsieur madame mme mlle señor señora sr sra
	don doña signor signora dott dottoressa ing judge justice senator president chancellor kanzler kanzlerin präsident präsidentin präsidenten
	minister ministerin président présidente presidente captain colonel general professorin`)

// nameParticles stand within the name of a person.
var nameParticles = set(`von van de del della di da dos der den ter la le du bin ibn al zu zum`)

// noSurnames begin with a capital, stand behind a first name or a title, and are no surnames.
var noSurnames = set(`january february march april may june july august september october november december monday tuesday wednesday
	thursday friday saturday sunday januar februar märz mai juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag
	sonntag the a an in on at of and or but i he she it we they who when where what der die das und oder in im am ist war hat street road
	avenue straße strasse platz weg university universität université institute institut prize award preis foundation stiftung college school
	hospital church airport act law theorem effect disease syndrome le la les et est dans el los y es en said says president minister ceo`)

// legalForms end the name of a company. The stop that may stand behind one is left out.
var legalForms = set(`gmbh ag kg kgaa ohg gbr ug se mbh inc incorporated corp corporation ltd limited llc llp plc lp s.a sa sas sarl s.a.r.l s.p.a spa
	s.r.l srl b.v bv n.v nv ab oy oyj a/s aps e.v s.l pte pty co`)

// legalWords are those of legalForms that are letters people write for other things, and
// so need another word of capital letters before them and nothing but a name.
var weakForms = set(`se co sa sas spa ab lp ug limited corporation s.a`)

// organisationHeads begin the name of an organisation, before of, for, de, für and others.
var organisationHeads = set(`university universität université universidad università institute institut instituto istituto ministry ministerium
	ministère ministerio ministero department bank bureau office agency association federation foundation academy college school faculty
	council court commission committee society union league board bundesamt bundesministerium bundesverband verband akademie hochschule
	technische stiftung verein gesellschaft`)

// organisationTails end the name of an organisation.
var organisationTails = set(`university institute college bank foundation corporation association committee commission council agency ministry
	department society federation academy hospital museum group holdings airlines motors pharmaceuticals technologies laboratories
	systems industries partners insurance universität institut hochschule akademie stiftung verband bundesbank sparkasse klinikum werke verlag
	times press`)

// organisations are names that no rule finds: international bodies, authorities, and a few
// companies that everybody writes about.
var organisations = []string{
	"United Nations", "European Union", "European Commission", "European Parliament", "European Central Bank", "World Bank", "World Health Organization",
	"World Trade Organization", "International Monetary Fund", "Red Cross", "Amnesty International", "Greenpeace", "NATO", "UNESCO", "UNICEF", "OECD", "OPEC",
	"NASA", "ESA", "CERN", "FBI", "CIA", "FDA", "WHO", "IMF", "WTO", "EU", "UN", "BBC", "CNN", "Reuters", "Supreme Court", "White House", "Federal Reserve",
	"Vereinte Nationen", "Vereinten Nationen", "Europäische Union", "Europäischen Union", "Europäische Kommission", "Europäischen Kommission",
	"Europäische Zentralbank", "Europäischen Zentralbank", "Weltbank", "Bundestag", "Bundesrat", "Bundesregierung", "Bundesverfassungsgericht", "Deutsche Bank", "Deutsche Bahn",
	"Deutsche Telekom", "Nations unies", "Union européenne", "Commission européenne", "Assemblée nationale", "Naciones Unidas", "Unión Europea", "Comisión Europea",
	"Nazioni Unite", "Unione Europea", "Commissione Europea", "Google", "Microsoft", "IBM", "Intel", "Siemens", "Volkswagen", "BMW", "Daimler", "Bosch", "SAP", "BASF", "Bayer",
	"Lufthansa", "Airbus", "Boeing", "Toyota", "Samsung", "Sony", "Nestlé", "Novartis", "Roche", "UBS", "Renault", "Peugeot", "L'Oréal", "Telefónica", "Iberdrola", "Fiat", "Eni",
	"Facebook", "Netflix", "Nvidia", "OpenAI", "Pfizer", "BioNTech", "Moderna", "AstraZeneca", "Goldman Sachs", "JPMorgan", "Morgan Stanley", "General Motors", "General Electric",
}

// places are countries, in English and in the forms of other languages that differ, and
// large cities. Left out are names that are words or people as often: Chad, Jordan,
// Georgia, Nice, Reading, Mobile, Essen, Split, Victoria, Florence, Lourdes.
var places = []string{
	"Afghanistan", "Albania", "Algeria", "Angola", "Argentina", "Armenia", "Australia", "Austria", "Azerbaijan", "Bahrain", "Bangladesh", "Belarus", "Belgium", "Bolivia",
	"Bosnia and Herzegovina", "Botswana", "Brazil", "Bulgaria", "Cambodia", "Cameroon", "Canada", "Chile", "China", "Colombia", "Costa Rica", "Croatia", "Cuba", "Cyprus",
	"Czech Republic", "Czechia", "Denmark", "Dominican Republic", "Ecuador", "Egypt", "El Salvador", "Estonia", "Ethiopia", "Finland", "France", "Germany", "Ghana", "Greece",
	"Guatemala", "Haiti", "Honduras", "Hungary", "Iceland", "India", "Indonesia", "Iran", "Iraq", "Ireland", "Israel", "Italy", "Jamaica", "Japan", "Kazakhstan", "Kenya", "Kuwait",
	"Laos", "Latvia", "Lebanon", "Libya", "Liechtenstein", "Lithuania", "Luxembourg", "Madagascar", "Malaysia", "Mali", "Malta", "Mexico", "Moldova", "Monaco", "Mongolia",
	"Montenegro", "Morocco", "Mozambique", "Myanmar", "Namibia", "Nepal", "Netherlands", "New Zealand", "Nicaragua", "Nigeria", "North Korea", "North Macedonia", "Norway", "Oman",
	"Pakistan", "Panama", "Paraguay", "Peru", "Philippines", "Poland", "Portugal", "Qatar", "Romania", "Russia", "Rwanda", "Saudi Arabia", "Senegal", "Serbia", "Singapore",
	"Slovakia", "Slovenia", "Somalia", "South Africa", "South Korea", "Spain", "Sri Lanka", "Sudan", "Sweden", "Switzerland", "Syria", "Taiwan", "Tanzania", "Thailand", "Tunisia",
	"Uganda", "Ukraine", "United Arab Emirates", "United Kingdom", "United States", "United States of America", "Uruguay", "Uzbekistan", "Venezuela", "Vietnam", "Yemen",
	"Zambia", "Zimbabwe", "USA", "UK", "England", "Scotland", "Wales", "Northern Ireland", "Great Britain", "Europe", "Africa", "Asia", "North America", "South America", "California", "Texas",
	"Deutschland", "Österreich", "Schweiz", "Frankreich", "Italien", "Spanien", "Großbritannien", "Vereinigtes Königreich", "Vereinigte Staaten", "Vereinigten Staaten", "Niederlande",
	"Belgien", "Dänemark", "Schweden", "Norwegen", "Finnland", "Polen", "Tschechien", "Slowakei", "Ungarn", "Griechenland", "Türkei", "Russland", "Kroatien", "Europa", "Afrika",
	"Asien", "Bayern", "Sachsen", "Hessen", "Thüringen", "Brandenburg", "Niedersachsen", "Nordrhein-Westfalen", "Baden-Württemberg", "Schleswig-Holstein", "Brasilien", "Indien", "Ägypten",
	"Allemagne", "Autriche", "Suisse", "Italie", "Espagne", "Royaume-Uni", "États-Unis", "Pays-Bas", "Belgique", "Danemark", "Suède", "Norvège", "Pologne", "Grèce", "Russie", "Brésil",
	"Chine", "Japon", "Inde", "Alemania", "Francia", "España", "Italia", "Reino Unido", "Estados Unidos", "Suiza", "México", "Perú", "Brasil", "Japón", "Rusia", "Polonia", "Grecia",
	"Germania", "Spagna", "Regno Unito", "Stati Uniti", "Svizzera", "Giappone", "Cina", "Portogallo", "Paesi Bassi",
	"Amsterdam", "Ankara", "Antwerp", "Athens", "Atlanta", "Auckland", "Baghdad", "Bangkok", "Barcelona", "Basel", "Beijing", "Beirut", "Belgrade", "Berlin", "Bern", "Bilbao",
	"Birmingham", "Bogotá", "Bologna", "Bordeaux", "Boston", "Bratislava", "Bremen", "Bristol", "Brussels", "Brüssel", "Bruxelles", "Bucharest", "Budapest", "Buenos Aires", "Cairo", "Cape Town",
	"Casablanca", "Chicago", "Copenhagen", "Dallas", "Delhi", "New Delhi", "Denver", "Detroit", "Dortmund", "Dresden", "Dubai", "Dublin", "Düsseldorf", "Edinburgh", "Frankfurt",
	"Freiburg", "Geneva", "Genf", "Genève", "Genoa", "Glasgow", "Göttingen", "Graz", "Hamburg", "Hannover", "Hanoi", "Heidelberg", "Helsinki", "Hong Kong", "Houston", "Istanbul",
	"Jakarta", "Jena", "Jerusalem", "Johannesburg", "Karlsruhe", "Kiel", "Kiev", "Kyiv", "Köln", "Cologne", "Krakow", "Lagos", "Lausanne", "Leeds", "Leipzig", "Lima", "Linz",
	"Lisbon", "Lissabon", "Liverpool", "Ljubljana", "London", "Londres", "Los Angeles", "Luzern", "Lyon", "Madrid", "Mailand", "Mainz", "Manchester", "Manila", "Mannheim", "Marseille",
	"Melbourne", "Mexico City", "Miami", "Milan", "Milano", "Montpellier", "Montreal", "Moscow", "Moskau", "Mumbai", "Munich", "München", "Münster", "Nairobi", "Naples", "Napoli", "New York",
	"New York City", "Nürnberg", "Osaka", "Oslo", "Ottawa", "Oxford", "Palermo", "Paris", "Philadelphia", "Porto", "Potsdam", "Prague", "Prag", "Rio de Janeiro", "Riga", "Rom", "Roma", "Rome", "Rostock",
	"Rotterdam", "Salzburg", "San Diego", "San Francisco", "Santiago de Chile", "São Paulo", "Sarajevo", "Seattle", "Seoul", "Sevilla", "Shanghai", "Shenzhen", "Stockholm", "Strasbourg",
	"Straßburg", "Stuttgart", "Sydney", "Taipei", "Tallinn", "Tehran", "Tel Aviv", "The Hague", "Tokyo", "Tokio", "Torino", "Turin", "Toronto", "Toulouse", "Trier", "Tübingen", "Ulm", "Utrecht", "Valencia",
	"Vancouver", "Venice", "Vienna", "Wien", "Vilnius", "Warsaw", "Warschau", "Washington", "Weimar", "Wiesbaden", "Würzburg", "Zagreb", "Zurich", "Zürich",
}
